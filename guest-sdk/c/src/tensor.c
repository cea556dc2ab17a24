/* Tensors: their types, their elements, their end. */
#include <stdio.h>

#include "memory.h"
#include "tollgate.h"

static const struct {
    const char *name;
    size_t size;
} TYPES[] = {{"fp16", 2}, {"fp32", 4}, {"fp64", 8}, {"bf16", 2}, {"u8", 1}, {"i32", 4}, {"i64", 8}};

size_t tollgate_tensor_type_size(tollgate_tensor_type ty) {
    return TYPES[ty].size;
}

const char *tollgate_tensor_type_name(tollgate_tensor_type ty) {
    return TYPES[ty].name;
}

bool tollgate_tensor_elements(const tollgate_tensor *tensor, tollgate_tensor_type ty,
                              const void **elements, size_t *count, tollgate_error *error) {
    if (tensor->ty != ty) {
        static const char FORMAT[] = "the tensor holds %s, not %s: read it as what it is, or "
                                     "export the model with the other type";
        char message[sizeof FORMAT + 8];
        snprintf(message, sizeof message, FORMAT, TYPES[tensor->ty].name, TYPES[ty].name);
        *error = (tollgate_error){TOLLGATE_INVALID_ARGUMENT,
                                  tollgate_copy(message, strlen(message) + 1)};
        return false;
    }
    *elements = tensor->data;
    *count = tensor->size / TYPES[ty].size;
    return true;
}

void tollgate_tensor_free(tollgate_tensor *tensor) {
    free(tensor->name);
    free(tensor->dimensions);
    free(tensor->data);
    *tensor = (tollgate_tensor){0};
}

void tollgate_tensors_free(tollgate_tensors *tensors) {
    for (size_t place = 0; place < tensors->count; place++)
        tollgate_tensor_free(&tensors->items[place]);
    free(tensors->items);
    *tensors = (tollgate_tensors){0};
}
