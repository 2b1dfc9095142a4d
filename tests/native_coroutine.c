/* For libraries that never do work beside other work: nothing gives way. */
#include "coroutine.h"

bool coroutine_inside;

void coroutine_stay(void) {}

void coroutine_leave_if_due(void) {}
