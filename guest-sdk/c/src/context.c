/*
 * Execution contexts: the standard wasi-nn, where tensors are resources of the host's.
 *
 * The bindings' own `..._list_named_tensor_free` frees the list and forgets the tensors in it, so
 * they are dropped here one by one; otherwise each inference would leave some behind in the host.
 */
#include <stdio.h>

#include "error.h"
#include "memory.h"

bool tollgate_graph_context(tollgate_graph graph, tollgate_context *context,
                            tollgate_error *error) {
    const wasi_nn_graph_own_graph_t own = {graph.handle};
    wasi_nn_graph_own_graph_execution_context_t made;
    wasi_nn_graph_own_error_t raised;
    if (!wasi_nn_graph_method_graph_init_execution_context(wasi_nn_graph_borrow_graph(own), &made,
                                                           &raised))
        return tollgate_failed(raised, error);
    context->handle = made.__handle;
    return true;
}

void tollgate_context_free(tollgate_context context) {
    wasi_nn_inference_graph_execution_context_drop_own(
        (wasi_nn_inference_own_graph_execution_context_t){context.handle});
}

/* The host's copy of an input. */
static wasi_nn_tensor_own_tensor_t lifted(const tollgate_input *input) {
    wasi_nn_tensor_tensor_dimensions_t dimensions = {(uint32_t *)input->dimensions, input->rank};
    wasi_nn_tensor_tensor_data_t data = {(uint8_t *)input->data, input->size};
    return wasi_nn_tensor_constructor_tensor(&dimensions, (wasi_nn_tensor_tensor_type_t)input->ty,
                                             &data);
}

/* Our copy of an output; the host's is dropped. */
static tollgate_tensor lowered(wasi_nn_inference_named_tensor_t named) {
    const wasi_nn_tensor_borrow_tensor_t tensor = wasi_nn_tensor_borrow_tensor(named.f1);
    wasi_nn_tensor_tensor_dimensions_t dimensions;
    wasi_nn_tensor_tensor_data_t data;
    wasi_nn_tensor_method_tensor_dimensions(tensor, &dimensions);
    wasi_nn_tensor_method_tensor_data(tensor, &data);
    const tollgate_tensor ours = {
        .name = tollgate_ended(named.f0),
        .dimensions = dimensions.len == 0 ? NULL : dimensions.ptr,
        .rank = dimensions.len,
        .ty = (tollgate_tensor_type)wasi_nn_tensor_method_tensor_ty(tensor),
        .data = data.len == 0 ? NULL : data.ptr,
        .size = data.len,
    };
    wasi_nn_tensor_tensor_drop_own(named.f1);
    return ours;
}

bool tollgate_context_compute(tollgate_context context, const tollgate_input *inputs, size_t count,
                              tollgate_tensors *outputs, tollgate_error *error) {
    /* The standard knows names alone; the decimal index stands for a place. */
    enum { DIGITS = 11 };
    char (*places)[DIGITS] = tollgate_new(count, DIGITS);
    wasi_nn_inference_named_tensor_t *items = tollgate_new(count, sizeof *items);
    for (size_t place = 0; place < count; place++) {
        const char *name = inputs[place].name;
        if (name == NULL) {
            snprintf(places[place], DIGITS, "%u", (unsigned)place);
            name = places[place];
        }
        items[place].f0 = tollgate_view(name);
        items[place].f1 = lifted(&inputs[place]);
    }
    /* The call takes the tensors over, whether it succeeds or not. */
    wasi_nn_inference_list_named_tensor_t list = {items, count};
    wasi_nn_inference_list_named_tensor_t results;
    wasi_nn_inference_own_error_t raised;
    const bool done = wasi_nn_inference_method_graph_execution_context_compute(
        wasi_nn_inference_borrow_graph_execution_context(
            (wasi_nn_inference_own_graph_execution_context_t){context.handle}),
        &list, &results, &raised);
    free(items);
    free(places);
    if (!done) return tollgate_failed(raised, error);

    outputs->count = results.len;
    outputs->items = tollgate_new(results.len, sizeof *outputs->items);
    for (size_t place = 0; place < results.len; place++)
        outputs->items[place] = lowered(results.ptr[place]);
    if (results.len > 0) free(results.ptr);
    return true;
}
