# For `make run-debug` (the image is paused until gdb says `continue`) in another terminal: `gdb`
# in this folder. gdb asks once to be allowed: add-auto-load-safe-path <this folder>.
# build/last.gdb names the image that was built last, in its own format with all symbols (what
# boots is a 32-bit wrapping of it without any).
set confirm off
set pagination off
source build/last.gdb
target remote 127.0.0.1:1234
hbreak kernel_main
