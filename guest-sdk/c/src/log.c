/* Log lines, over the generated bindings. */
#include "memory.h"
#include "tollgate.h"

void tollgate_log(tollgate_level level, const char *context, const char *message) {
    plugin_string_t in = tollgate_view(context), text = tollgate_view(message);
    wasi_logging_logging_log((wasi_logging_logging_level_t)level, &in, &text);
}
