/* Chooses the network device: every driver of the appliance is asked in turn. */
#include "nic.h"

#include "log.h"

struct nic *nic_open(void) {
    static struct nic *opened;
    for (size_t i = 0; opened == NULL && i < nic_driver_count; i++) {
        struct nic *nic;
        opened = nic_drivers[i].start(&nic) ? nic : NULL;
    }
    if (opened == NULL) {
        log_error("nic", "no supported network device works; this image drives:");
        for (size_t i = 0; i < nic_driver_count; i++)
            log_error("nic", "%s", nic_drivers[i].name);
    }
    return opened;
}
