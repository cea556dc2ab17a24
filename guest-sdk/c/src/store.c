/* What goes wrong with configuration and buckets, as far as the bindings are not needed for it. */
#include <stdlib.h>

#include "tollgate.h"

void tollgate_store_error_free(tollgate_store_error *error) {
    free(error->message);
    error->message = NULL;
}

bool tollgate_fault_from_store_error(tollgate_fault *fault, tollgate_store_error *error) {
    tollgate_fault_set(fault, TOLLGATE_INTERNAL, "%s", error->message);
    tollgate_store_error_free(error);
    return false;
}
