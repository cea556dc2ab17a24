/* Turning wasi:keyvalue's error into a value. */
#ifndef TOLLGATE_STORE_H
#define TOLLGATE_STORE_H

#include "plugin.h"
#include "tollgate.h"

/* Takes the error over. Returns false, so that it can stand behind `return`. */
bool tollgate_store_failed(wasi_keyvalue_store_error_t *raised, tollgate_store_error *error);

#endif
