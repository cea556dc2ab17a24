/*
 * Graphs, over the generated bindings: `tollgate:nn` for one-crossing inference and metadata.
 * Inputs stay where they are; what comes back is taken over, not copied.
 */
#include "error.h"
#include "memory.h"

static tollgate_nn_inference_borrow_graph_t borrowed(tollgate_graph graph) {
    return wasi_nn_graph_borrow_graph((wasi_nn_graph_own_graph_t){graph.handle});
}

bool tollgate_graph_load(const char *name, tollgate_graph *graph, tollgate_error *error) {
    plugin_string_t text = tollgate_view(name);
    wasi_nn_graph_own_graph_t loaded;
    wasi_nn_graph_own_error_t raised;
    if (!wasi_nn_graph_load_by_name(&text, &loaded, &raised)) return tollgate_failed(raised, error);
    graph->handle = loaded.__handle;
    return true;
}

void tollgate_graph_free(tollgate_graph graph) {
    wasi_nn_graph_graph_drop_own((wasi_nn_graph_own_graph_t){graph.handle});
}

/* An empty list's address is none that was allocated. */
static void *taken(void *list, size_t len) {
    return len == 0 ? NULL : list;
}

bool tollgate_graph_infer(tollgate_graph graph, const tollgate_input *inputs, size_t count,
                          tollgate_tensors *outputs, tollgate_error *error) {
    tollgate_nn_inference_input_t *items = tollgate_new(count, sizeof *items);
    for (size_t place = 0; place < count; place++) {
        const tollgate_input *input = &inputs[place];
        tollgate_nn_inference_input_t *item = &items[place];
        item->name.is_some = input->name != NULL;
        if (item->name.is_some) item->name.val = tollgate_view(input->name);
        item->dimensions = (plugin_list_u32_t){(uint32_t *)input->dimensions, input->rank};
        item->ty = (tollgate_nn_inference_tensor_type_t)input->ty;
        item->data = (plugin_list_u8_t){(uint8_t *)input->data, input->size};
    }
    tollgate_nn_inference_list_input_t list = {items, count};
    tollgate_nn_inference_list_output_t results;
    tollgate_nn_inference_own_error_t raised;
    const bool done = tollgate_nn_inference_infer(borrowed(graph), &list, &results, &raised);
    free(items);
    if (!done) return tollgate_failed(raised, error);

    outputs->count = results.len;
    outputs->items = tollgate_new(results.len, sizeof *outputs->items);
    for (size_t place = 0; place < results.len; place++) {
        const tollgate_nn_inference_output_t *result = &results.ptr[place];
        outputs->items[place] = (tollgate_tensor){
            .dimensions = taken(result->dimensions.ptr, result->dimensions.len),
            .rank = result->dimensions.len,
            .ty = (tollgate_tensor_type)result->ty,
            .data = taken(result->data.ptr, result->data.len),
            .size = result->data.len,
        };
    }
    free(taken(results.ptr, results.len));
    return true;
}

static tollgate_tensor_infos infos(tollgate_nn_inference_list_tensor_info_t list) {
    tollgate_tensor_infos infos = {tollgate_new(list.len, sizeof *infos.items), list.len};
    for (size_t place = 0; place < list.len; place++) {
        const tollgate_nn_inference_tensor_info_t *from = &list.ptr[place];
        tollgate_tensor_info *to = &infos.items[place];
        to->name = tollgate_ended(from->name);
        to->ty = (tollgate_tensor_type)from->ty;
        to->rank = from->dimensions.len;
        to->dimensions = tollgate_new(to->rank, sizeof *to->dimensions);
        for (size_t axis = 0; axis < to->rank; axis++) {
            const plugin_option_u32_t size = from->dimensions.ptr[axis];
            to->dimensions[axis] = size.is_some ? (int64_t)size.val : TOLLGATE_ANY;
        }
        free(taken(from->dimensions.ptr, from->dimensions.len));
    }
    free(taken(list.ptr, list.len));
    return infos;
}

void tollgate_graph_describe(tollgate_graph graph, tollgate_metadata *metadata) {
    tollgate_nn_inference_metadata_t described;
    tollgate_nn_inference_describe(borrowed(graph), &described);
    metadata->inputs = infos(described.inputs);
    metadata->outputs = infos(described.outputs);
    metadata->device = tollgate_ended(described.device);
}

static void infos_free(tollgate_tensor_infos *infos) {
    for (size_t place = 0; place < infos->count; place++) {
        free(infos->items[place].name);
        free(infos->items[place].dimensions);
    }
    free(infos->items);
}

void tollgate_metadata_free(tollgate_metadata *metadata) {
    infos_free(&metadata->inputs);
    infos_free(&metadata->outputs);
    free(metadata->device);
    *metadata = (tollgate_metadata){0};
}
