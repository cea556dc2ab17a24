/* Errors: what a graph call answers when it fails, as a value. */
#include "error.h"

#include "memory.h"

static const char *const CODES[] = {
    "invalid-argument", "invalid-encoding", "timeout",  "runtime-error", "unsupported-operation",
    "too-large",        "not-found",        "security", "unknown",
};

const char *tollgate_error_code_name(tollgate_error_code code) {
    return (size_t)code < sizeof CODES / sizeof *CODES ? CODES[code] : CODES[TOLLGATE_UNKNOWN];
}

bool tollgate_failed(wasi_nn_errors_own_error_t raised, tollgate_error *error) {
    const wasi_nn_errors_borrow_error_t borrowed = wasi_nn_errors_borrow_error(raised);
    plugin_string_t message;
    wasi_nn_errors_method_error_data(borrowed, &message);
    error->code = (tollgate_error_code)wasi_nn_errors_method_error_code(borrowed);
    error->message = tollgate_ended(message);
    wasi_nn_errors_error_drop_own(raised);
    return false;
}

void tollgate_error_free(tollgate_error *error) {
    free(error->message);
    error->message = NULL;
}
