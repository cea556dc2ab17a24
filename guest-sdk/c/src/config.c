/* Configuration values, over the generated bindings. */
#include "memory.h"
#include "tollgate.h"

bool tollgate_config(const char *key, char **value, tollgate_store_error *error) {
    plugin_string_t text = tollgate_view(key);
    plugin_option_string_t found;
    wasi_config_store_error_t raised;
    if (!wasi_config_store_get(&text, &found, &raised)) {
        /* Both cases hold a text. */
        error->code = TOLLGATE_STORE_OTHER;
        error->message = tollgate_ended(raised.val.io);
        return false;
    }
    *value = found.is_some ? tollgate_ended(found.val) : NULL;
    return true;
}
