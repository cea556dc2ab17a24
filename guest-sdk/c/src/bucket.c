/* Key-value buckets, over the generated bindings. What comes back is taken over, not copied. */
#include "memory.h"
#include "store.h"
#include "tollgate.h"

static wasi_keyvalue_store_borrow_bucket_t borrowed(tollgate_bucket bucket) {
    return wasi_keyvalue_store_borrow_bucket(
        (wasi_keyvalue_store_own_bucket_t){bucket.handle});
}

bool tollgate_bucket_open(const char *name, tollgate_bucket *bucket,
                          tollgate_store_error *error) {
    plugin_string_t text = tollgate_view(name);
    wasi_keyvalue_store_own_bucket_t opened;
    wasi_keyvalue_store_error_t raised;
    if (!wasi_keyvalue_store_open(&text, &opened, &raised))
        return tollgate_store_failed(&raised, error);
    bucket->handle = opened.__handle;
    return true;
}

void tollgate_bucket_free(tollgate_bucket bucket) {
    wasi_keyvalue_store_bucket_drop_own((wasi_keyvalue_store_own_bucket_t){bucket.handle});
}

bool tollgate_bucket_get(tollgate_bucket bucket, const char *key, tollgate_value *value,
                         tollgate_store_error *error) {
    plugin_string_t text = tollgate_view(key);
    plugin_option_list_u8_t found;
    wasi_keyvalue_store_error_t raised;
    if (!wasi_keyvalue_store_method_bucket_get(borrowed(bucket), &text, &found, &raised))
        return tollgate_store_failed(&raised, error);
    *value = (tollgate_value){.is_some = found.is_some};
    if (found.is_some && found.val.len > 0) {
        value->data = found.val.ptr;
        value->size = found.val.len;
    }
    return true;
}

void tollgate_value_free(tollgate_value *value) {
    free(value->data);
    *value = (tollgate_value){0};
}

bool tollgate_bucket_set(tollgate_bucket bucket, const char *key, const void *data, size_t size,
                         tollgate_store_error *error) {
    plugin_string_t text = tollgate_view(key);
    plugin_list_u8_t bytes = {(uint8_t *)data, size};
    wasi_keyvalue_store_error_t raised;
    return wasi_keyvalue_store_method_bucket_set(borrowed(bucket), &text, &bytes, &raised)
        || tollgate_store_failed(&raised, error);
}

bool tollgate_bucket_delete(tollgate_bucket bucket, const char *key, tollgate_store_error *error) {
    plugin_string_t text = tollgate_view(key);
    wasi_keyvalue_store_error_t raised;
    return wasi_keyvalue_store_method_bucket_delete(borrowed(bucket), &text, &raised)
        || tollgate_store_failed(&raised, error);
}

bool tollgate_bucket_exists(tollgate_bucket bucket, const char *key, bool *exists,
                            tollgate_store_error *error) {
    plugin_string_t text = tollgate_view(key);
    wasi_keyvalue_store_error_t raised;
    return wasi_keyvalue_store_method_bucket_exists(borrowed(bucket), &text, exists, &raised)
        || tollgate_store_failed(&raised, error);
}

bool tollgate_bucket_increment(tollgate_bucket bucket, const char *key, uint64_t delta,
                               uint64_t *sum, tollgate_store_error *error) {
    plugin_string_t text = tollgate_view(key);
    wasi_keyvalue_store_error_t raised;
    return wasi_keyvalue_atomics_increment(borrowed(bucket), &text, delta, sum, &raised)
        || tollgate_store_failed(&raised, error);
}

bool tollgate_bucket_keys(tollgate_bucket bucket, const uint64_t *cursor, tollgate_keys *keys,
                          tollgate_store_error *error) {
    uint64_t from = cursor == NULL ? 0 : *cursor;
    wasi_keyvalue_store_key_response_t page;
    wasi_keyvalue_store_error_t raised;
    if (!wasi_keyvalue_store_method_bucket_list_keys(borrowed(bucket),
                                                     cursor == NULL ? NULL : &from, &page, &raised))
        return tollgate_store_failed(&raised, error);
    *keys = (tollgate_keys){
        .items = tollgate_new(page.keys.len, sizeof *keys->items),
        .count = page.keys.len,
        .more = page.cursor.is_some,
        .cursor = page.cursor.is_some ? page.cursor.val : 0,
    };
    for (size_t place = 0; place < page.keys.len; place++)
        keys->items[place] = tollgate_ended(page.keys.ptr[place]);
    /* An empty list's address is none that was allocated. */
    if (page.keys.len > 0) free(page.keys.ptr);
    return true;
}

void tollgate_keys_free(tollgate_keys *keys) {
    for (size_t place = 0; place < keys->count; place++) free(keys->items[place]);
    free(keys->items);
    *keys = (tollgate_keys){0};
}

bool tollgate_store_failed(wasi_keyvalue_store_error_t *raised, tollgate_store_error *error) {
    switch (raised->tag) {
    case WASI_KEYVALUE_STORE_ERROR_NO_SUCH_STORE:
        error->code = TOLLGATE_NO_SUCH_STORE;
        error->message = tollgate_ended(
            tollgate_dup("there is no bucket of that name: check it, or have it granted"));
        break;
    case WASI_KEYVALUE_STORE_ERROR_ACCESS_DENIED:
        error->code = TOLLGATE_ACCESS_DENIED;
        error->message =
            tollgate_ended(tollgate_dup("the bucket was not granted: have it granted"));
        break;
    default:
        error->code = TOLLGATE_STORE_OTHER;
        error->message = tollgate_ended(raised->val.other);
    }
    return false;
}
