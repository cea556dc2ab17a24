/* Turning wasi-nn's error resource into a value. */
#ifndef TOLLGATE_ERROR_H
#define TOLLGATE_ERROR_H

#include "plugin.h"
#include "tollgate.h"

/* Takes the resource over. Returns false, so that it can stand behind `return`. */
bool tollgate_failed(wasi_nn_errors_own_error_t raised, tollgate_error *error);

#endif
