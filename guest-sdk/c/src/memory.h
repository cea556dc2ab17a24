/*
 * Memory that is there or traps, and the texts that the generated bindings count and this SDK
 * ends in NUL.
 *
 * What these hand out can be freed by `free`, as the bindings free it.
 */
#ifndef TOLLGATE_MEMORY_H
#define TOLLGATE_MEMORY_H

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "plugin.h"

/* `count` zeroed items, at least one so that the answer is never NULL. */
static inline void *tollgate_new(size_t count, size_t size) {
    void *memory = calloc(count == 0 ? 1 : count, size);
    if (memory == NULL) abort();
    return memory;
}

static inline void *tollgate_grown(void *memory, size_t size) {
    memory = realloc(memory, size);
    if (memory == NULL) abort();
    return memory;
}

/* A copy that the host frees; what is empty needs no memory. */
static inline void *tollgate_copy(const void *data, size_t size) {
    return size == 0 ? NULL : memcpy(tollgate_new(size, 1), data, size);
}

/* Takes the bindings' text over and ends it in NUL. */
static inline char *tollgate_ended(plugin_string_t text) {
    /* Where it is empty, its address is none that was allocated. */
    char *ended = tollgate_grown(text.len == 0 ? NULL : text.ptr, text.len + 1);
    ended[text.len] = '\0';
    return ended;
}

/* The bindings' view of a text that stays the caller's; they never write through it. */
static inline plugin_string_t tollgate_view(const char *text) {
    return (plugin_string_t){(uint8_t *)text, strlen(text)};
}

/* The bindings' copy of a text. */
static inline plugin_string_t tollgate_dup(const char *text) {
    const size_t size = strlen(text);
    return (plugin_string_t){tollgate_copy(text, size), size};
}

#endif
