/* Memory of a hosted process: anonymous pages for everything, and the model image as a file. Huge
 * pages are asked for where memory is written; the model stays the host's cached file, because
 * reading it into huge pages takes longer than the whole rest of the start and streams no faster
 * (measured: 11.3 to 11.7 GB/s either way on one core of a busy machine). */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host.h"
#include "platform.h"

#define MEBIBYTE ((size_t)1 << 20)
#define HUGE_PAGE (2 * MEBIBYTE)
#define MEMORY_DEFAULT 1024 /* MiB; touched only as it is used */
#define MEMORY_LEAST 32
#define MEMORY_MOST ((unsigned long)1 << 20)

struct memory_span platform_free_memory(void) {
    struct text asked = host_argument("memory");
    unsigned long megabytes = MEMORY_DEFAULT;
    if (asked.bytes) {
        char *end;
        megabytes = strtoul(asked.bytes, &end, 10);
        if (!asked.count || *end || megabytes < MEMORY_LEAST || megabytes > MEMORY_MOST)
            host_refuse("memory=%s: expected MiB from %d to %lu, such as memory=%d", asked.bytes,
                        MEMORY_LEAST, MEMORY_MOST, MEMORY_DEFAULT);
    }
    size_t size = megabytes * MEBIBYTE;
    uint8_t *mapped = mmap(NULL, size + HUGE_PAGE, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED)
        host_refuse("memory=%lu: the host refuses that much: %s", megabytes, strerror(errno));
    uint8_t *start = mapped + (HUGE_PAGE - (uintptr_t)mapped % HUGE_PAGE) % HUGE_PAGE;
    madvise(start, size, MADV_HUGEPAGE); /* a wish */
    return (struct memory_span){start, size};
}

bool platform_model_image(struct memory_span *image) {
    struct text path = host_argument("model");
    if (!path.bytes)
        return false;
    int file = open(path.bytes, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (file < 0 || fstat(file, &status) < 0)
        host_refuse("model=%s: %s", path.bytes, strerror(errno));
    if (!S_ISREG(status.st_mode) || !status.st_size)
        host_refuse("model=%s: expected a packed model image, found no or an empty file",
                    path.bytes);
    image->size = (size_t)status.st_size;
    image->start = mmap(NULL, image->size, PROT_READ, MAP_PRIVATE, file, 0);
    close(file);
    if (image->start == MAP_FAILED)
        host_refuse("model=%s: %s", path.bytes, strerror(errno));
    return true;
}
