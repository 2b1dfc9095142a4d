/* Debug images only: `fault=KIND` on the command line breaks one promise of the kernel on
 * purpose, so that tests can see it kept. */
#pragma once

/* Does what the command line asks for; returns if that is nothing or nothing went wrong. */
void fault_provoke(void);

/* The same for what needs workers: `fault=other-KIND` does it on the last of them. */
void fault_provoke_on_workers(void);
