/* Does with its configuration, its log and its buckets what its frame says, a command a line, and
 * says what came of each: the plugin of tests/guests/counter, in C. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tollgate.h>

struct counter {
    char text[64 << 10];
};

static bool counter_new(struct counter *self, tollgate_fault *fault) {
    (void)self, (void)fault;
    return true;
}

static void say(struct counter *self, const char *said, size_t size) {
    const size_t length = strlen(self->text);
    if (length + size < sizeof self->text) memcpy(self->text + length, said, size);
}

/* Cuts the next word off. */
static char *word(char **rest) {
    char *begin = *rest, *end = strchr(begin, ' ');
    *rest = end == NULL ? begin + strlen(begin) : end + 1;
    if (end != NULL) *end = '\0';
    return begin;
}

static tollgate_level level(const char *name) {
    static const char *const NAMES[] = {"trace", "debug", "info", "warn", "error"};
    int place = 0;
    while (place < 5 && strcmp(name, NAMES[place]) != 0) place++;
    return (tollgate_level)place;
}

/* One function of a bucket's. */
static bool call(struct counter *self, const char *function, tollgate_bucket bucket,
                 const char *key, const char *value, tollgate_store_error *error) {
    char number[32];
    if (strcmp(function, "get") == 0) {
        tollgate_value found;
        if (!tollgate_bucket_get(bucket, key, &found, error)) return false;
        if (found.is_some)
            say(self, found.data, found.size);
        else
            say(self, "none", 4);
        tollgate_value_free(&found);
    } else if (strcmp(function, "set") == 0) {
        if (!tollgate_bucket_set(bucket, key, value, strlen(value), error)) return false;
        say(self, "set", 3);
    } else if (strcmp(function, "delete") == 0) {
        if (!tollgate_bucket_delete(bucket, key, error)) return false;
        say(self, "deleted", 7);
    } else if (strcmp(function, "exists") == 0) {
        bool exists;
        if (!tollgate_bucket_exists(bucket, key, &exists, error)) return false;
        say(self, exists ? "true" : "false", exists ? 4 : 5);
    } else if (strcmp(function, "increment") == 0) {
        uint64_t sum;
        if (!tollgate_bucket_increment(bucket, key, strtoull(value, NULL, 10), &sum, error))
            return false;
        say(self, number, (size_t)snprintf(number, sizeof number, "%llu", (unsigned long long)sum));
    } else if (strcmp(function, "keys") == 0) {
        tollgate_keys page = {.more = true};
        const uint64_t *cursor = NULL;
        uint64_t from;
        bool first = true;
        while (page.more) {
            if (!tollgate_bucket_keys(bucket, cursor, &page, error)) return false;
            for (size_t place = 0; place < page.count; place++) {
                if (!first) say(self, ",", 1);
                say(self, page.items[place], strlen(page.items[place]));
                first = false;
            }
            from = page.cursor;
            cursor = &from;
            const bool more = page.more;
            tollgate_keys_free(&page);
            page.more = more;
        }
    }
    return true;
}

static bool run(struct counter *self, char *line, tollgate_store_error *error) {
    const char *function = word(&line), *first = word(&line), *second = word(&line);
    if (strcmp(function, "config") == 0) {
        char *value;
        if (!tollgate_config(first, &value, error)) return false;
        say(self, value == NULL ? "none" : value, value == NULL ? 4 : strlen(value));
        free(value);
        return true;
    }
    if (strcmp(function, "log") == 0) {
        tollgate_log(level(first), second, line);
        say(self, "logged", 6);
        return true;
    }
    tollgate_bucket bucket;
    if (!tollgate_bucket_open(first, &bucket, error)) return false;
    const bool done = call(self, function, bucket, second, line, error);
    tollgate_bucket_free(bucket);
    return done;
}

static bool counter_handle(struct counter *self, const tollgate_frame *frame,
                           tollgate_outputs *outputs, tollgate_fault *fault) {
    (void)fault;
    memset(self->text, 0, sizeof self->text);
    char *text = calloc(frame->size + 1, 1), *rest = text;
    if (frame->size > 0) memcpy(text, frame->data, frame->size);
    while (rest != NULL && *rest != '\0') {
        char *line = rest, *end = strchr(rest, '\n');
        rest = end == NULL ? NULL : end + 1;
        if (end != NULL) *end = '\0';
        if (line != text) say(self, "\n", 1);
        tollgate_store_error error;
        if (run(self, line, &error)) continue;
        switch (error.code) {
        case TOLLGATE_NO_SUCH_STORE: say(self, "no-such-store", 13); break;
        case TOLLGATE_ACCESS_DENIED: say(self, "access-denied", 13); break;
        default:
            say(self, "other: ", 7);
            say(self, error.message, strlen(error.message));
        }
        tollgate_store_error_free(&error);
    }
    free(text);
    tollgate_outputs_add(outputs, "said", "text/plain", self->text, strlen(self->text));
    return true;
}

TOLLGATE_EXPORT(struct counter, counter_new, counter_handle)
