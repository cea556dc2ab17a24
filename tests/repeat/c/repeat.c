/* Repeats one inference as often as a frame says: see tests/guests/repeat. */
#include <tollgate.h>

#include <string.h>

enum { UNITS = 64 };

struct repeat {
    tollgate_graph graph;
    tollgate_context context;
    float input[UNITS];
};

static bool repeat_new(struct repeat *self, tollgate_fault *fault) {
    tollgate_error error;
    for (int place = 0; place < UNITS; place++) self->input[place] = (float)place / UNITS;
    if (!tollgate_graph_load("mlp", &self->graph, &error)
        || !tollgate_graph_context(self->graph, &self->context, &error))
        return tollgate_fault_from_error(fault, &error);
    return true;
}

static bool infer(struct repeat *self, uint8_t how, tollgate_fault *fault) {
    static const uint32_t right[] = {1, UNITS}, wrong[] = {1};
    tollgate_input input = {.dimensions = right, .rank = 2, .ty = TOLLGATE_FP32,
                            .data = self->input, .size = sizeof self->input};
    if (how == 'x') {
        input.dimensions = wrong;
        input.rank = 1;
        input.size = sizeof(float);
    }
    tollgate_tensors outputs;
    tollgate_error error;
    const bool ran = how == 'c'
        ? tollgate_context_compute(self->context, &input, 1, &outputs, &error)
        : tollgate_graph_infer(self->graph, &input, 1, &outputs, &error);
    if (!ran) return tollgate_fault_from_error(fault, &error);
    const void *elements;
    size_t count;
    const bool read =
        tollgate_tensor_elements(&outputs.items[0], TOLLGATE_FP32, &elements, &count, &error)
        || tollgate_fault_from_error(fault, &error);
    if (read) {
        const float first = *(const float *)elements;
        self->input[0] = first < -1.0f ? -1.0f : first > 1.0f ? 1.0f : first;
    }
    tollgate_tensors_free(&outputs);
    return read;
}

static bool repeat_handle(struct repeat *self, const tollgate_frame *frame,
                          tollgate_outputs *outputs, tollgate_fault *fault) {
    if (frame->size != 2)
        return tollgate_fault_set(fault, TOLLGATE_INVALID_FRAME, "expected two bytes, got %zu",
                                  frame->size);
    for (int times = frame->data[1]; times > 0; times--)
        if (!infer(self, frame->data[0], fault)) return false;
    tollgate_outputs_add(outputs, "answer", "", self->input, sizeof *self->input);
    return true;
}

TOLLGATE_EXPORT(struct repeat, repeat_new, repeat_handle)
