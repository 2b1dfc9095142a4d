/* Chooses the network device: every driver is asked in turn. */
#include "nic.h"

#include "e1000.h"
#include "log.h"

static bool (*const drivers[])(struct nic **nic) = {e1000_start};

struct nic *nic_open(void) {
    static struct nic *opened;
    for (size_t i = 0; opened == NULL && i < sizeof drivers / sizeof *drivers; i++) {
        struct nic *nic;
        opened = drivers[i](&nic) ? nic : NULL;
    }
    if (opened == NULL) {
        log_error("nic", "no supported network device works; give the machine an e1000");
    }
    return opened;
}
