/* Log lines, over the generated bindings. */
#include "memory.h"
#include "text.h"
#include "tollgate.h"

void tollgate_log(tollgate_level level, const char *context, const char *message) {
    plugin_string_t in = tollgate_dup(context), text = tollgate_dup(message);
    tollgate_mend_text((char *)in.ptr, in.len);
    tollgate_mend_text((char *)text.ptr, text.len);
    wasi_logging_logging_log((wasi_logging_logging_level_t)level, &in, &text);
    free(in.ptr);
    free(text.ptr);
}
