/*
 * The host's call, turned into the plugin's: frame in, outputs or a fault out.
 *
 * What is handed back belongs to the bindings, which free it once the host has read it.
 */
#include <stdarg.h>
#include <stdio.h>

#include "memory.h"
#include "text.h"
#include "tollgate.h"

struct tollgate_outputs {
    exports_tollgate_plugin_handler_list_output_t list;
    size_t room;
};

struct tollgate_fault {
    tollgate_fault_kind kind;
    char *message;
};

/* The bindings' copy of a text, as UTF-8. */
static plugin_string_t said(const char *text) {
    const plugin_string_t copy = tollgate_dup(text);
    tollgate_mend_text((char *)copy.ptr, copy.len);
    return copy;
}

void tollgate_outputs_add(tollgate_outputs *outputs, const char *name, const char *content_type,
                          const void *data, size_t size) {
    if (outputs->list.len == outputs->room) {
        outputs->room = outputs->room == 0 ? 1 : outputs->room * 2;
        outputs->list.ptr =
            tollgate_grown(outputs->list.ptr, outputs->room * sizeof *outputs->list.ptr);
    }
    outputs->list.ptr[outputs->list.len++] = (exports_tollgate_plugin_handler_output_t){
        .name = said(name),
        .content_type = said(content_type),
        .data = {tollgate_copy(data, size), size},
    };
}

void tollgate_outputs_add_json(tollgate_outputs *outputs, const char *name, const char *text) {
    tollgate_outputs_add(outputs, name, "application/json", text, strlen(text));
}

bool tollgate_fault_set(tollgate_fault *fault, tollgate_fault_kind kind, const char *format, ...) {
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    const int size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    /* A format that is wrong is said as it stands: better than nothing. */
    char *message = tollgate_new(size < 0 ? strlen(format) + 1 : (size_t)size + 1, 1);
    if (size < 0)
        strcpy(message, format);
    else
        vsnprintf(message, (size_t)size + 1, format, again);
    va_end(again);
    tollgate_mend_text(message, strlen(message));
    free(fault->message);
    fault->kind = kind;
    fault->message = message;
    return false;
}

bool tollgate_fault_from_error(tollgate_fault *fault, tollgate_error *error) {
    tollgate_fault_set(fault, TOLLGATE_INFERENCE, "%s (%s)", error->message,
                       tollgate_error_code_name(error->code));
    tollgate_error_free(error);
    return false;
}

/* Field by field: the bindings' own functions for these records leave out the bytes. */
static void frame_free(exports_tollgate_plugin_handler_frame_t *frame) {
    plugin_string_free(&frame->source);
    plugin_string_free(&frame->content_type);
    plugin_list_u8_free(&frame->data);
}

static void outputs_free(exports_tollgate_plugin_handler_list_output_t *outputs) {
    for (size_t place = 0; place < outputs->len; place++) {
        plugin_string_free(&outputs->ptr[place].name);
        plugin_string_free(&outputs->ptr[place].content_type);
        plugin_list_u8_free(&outputs->ptr[place].data);
    }
    free(outputs->ptr);
}

bool exports_tollgate_plugin_handler_handle(exports_tollgate_plugin_handler_frame_t *frame,
                                            exports_tollgate_plugin_handler_list_output_t *ret,
                                            exports_tollgate_plugin_handler_fault_t *err) {
    const tollgate_frame ours = {
        .sequence = frame->sequence,
        .source = {(const char *)frame->source.ptr, frame->source.len},
        .content_type = {(const char *)frame->content_type.ptr, frame->content_type.len},
        .acquired_ns = frame->acquired_ns,
        .data = frame->data.ptr,
        .size = frame->data.len,
    };
    tollgate_outputs outputs = {0};
    tollgate_fault fault = {TOLLGATE_INTERNAL, NULL};
    const bool done = tollgate_plugin_handle(&ours, &outputs, &fault);
    frame_free(frame);
    if (done) {
        free(fault.message);
        *ret = outputs.list;
        return true;
    }
    outputs_free(&outputs.list);
    if (fault.message == NULL || *fault.message == '\0')
        tollgate_fault_set(&fault, TOLLGATE_INTERNAL,
                           "the plugin failed and did not say why: see what it returns false for");
    /* The three kinds are in the interface's order, and each holds a text. */
    err->tag = (uint8_t)fault.kind;
    err->val.internal = (plugin_string_t){(uint8_t *)fault.message, strlen(fault.message)};
    return false;
}
