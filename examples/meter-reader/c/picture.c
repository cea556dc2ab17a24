#include "picture.h"

#include <stdlib.h>
#include <string.h>

static bool fits(size_t width, size_t height) {
    return width >= MIN_SIDE && width <= MAX_SIDE && height >= MIN_SIDE && height <= MAX_SIDE
        && width * height <= MAX_PIXELS;
}

bool picture_new(size_t width, size_t height, struct picture *picture) {
    *picture = (struct picture){.width = width, .height = height};
    if (!fits(width, height)) return false;
    picture->own = calloc(width, height);
    if (picture->own == NULL) abort();
    picture->luma = picture->own;
    return true;
}

void picture_free(struct picture *picture) {
    free(picture->own);
    picture->own = NULL;
}

const uint8_t *picture_row(const struct picture *picture, ptrdiff_t y) {
    const ptrdiff_t last = (ptrdiff_t)picture->height - 1;
    return picture->luma + (size_t)(y < 0 ? 0 : y > last ? last : y) * picture->width;
}

bool picture_shrunk(const struct picture *picture, size_t factor, struct picture *shrunk) {
    if (!picture_new(picture->width / factor, picture->height / factor, shrunk)) return false;
    const uint32_t area = (uint32_t)(factor * factor);
    for (size_t y = 0; y < shrunk->height; y++)
        for (size_t x = 0; x < shrunk->width; x++) {
            uint32_t sum = 0;
            for (size_t down = 0; down < factor; down++) {
                const uint8_t *row = picture_row(picture, (ptrdiff_t)(y * factor + down));
                for (size_t across = 0; across < factor; across++) sum += row[x * factor + across];
            }
            shrunk->own[y * shrunk->width + x] = (uint8_t)(sum / area);
        }
    return true;
}

/* ---- PGM ---- */

/* What is still to be read. */
struct rest {
    const uint8_t *at;
    const uint8_t *end;
};

static bool is_space(uint8_t byte) {
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\f' || byte == '\r';
}

static bool is_digit(uint8_t byte) {
    return byte >= '0' && byte <= '9';
}

/* Skips white space and comments, then reads one decimal number of up to nine digits. */
static bool number(struct rest *rest, size_t *number) {
    while (rest->at < rest->end && (*rest->at == '#' || is_space(*rest->at)))
        if (*rest->at == '#')
            while (rest->at < rest->end && *rest->at != '\n') rest->at++;
        else
            rest->at++;
    const uint8_t *start = rest->at;
    *number = 0;
    while (rest->at < rest->end && is_digit(*rest->at) && rest->at - start < 10)
        *number = *number * 10 + (size_t)(*rest->at++ - '0');
    const ptrdiff_t digits = rest->at - start;
    return digits >= 1 && digits <= 9;
}

static bool refused(tollgate_fault *fault, const char *what) {
    return tollgate_fault_set(fault, TOLLGATE_INVALID_FRAME,
                              "expected a binary PGM with 8 bits a pixel, got %s: write it as P5 "
                              "with a maximum of 255",
                              what);
}

static bool cut_short(tollgate_fault *fault, size_t expected, size_t got) {
    return tollgate_fault_set(fault, TOLLGATE_INVALID_FRAME,
                              "expected %zu pixels, got %zu: check the transfer", expected, got);
}

bool picture_decode(const uint8_t *bytes, size_t size, struct picture *picture,
                    tollgate_fault *fault) {
    if (size < 2 || memcmp(bytes, "P5", 2) != 0) {
        const bool is_jpeg = size >= 2 && memcmp(bytes, "\xff\xd8", 2) == 0;
        return tollgate_fault_set(fault, TOLLGATE_INVALID_FRAME,
                                  "expected a binary PGM (P5), got %s: check what the camera sends",
                                  is_jpeg ? "a JPEG" : "something else");
    }
    struct rest rest = {bytes + 2, bytes + size};
    size_t width, height, maximum;
    if (!number(&rest, &width) || !number(&rest, &height) || !number(&rest, &maximum))
        return refused(fault, "a header without its three numbers");
    if (!fits(width, height))
        return tollgate_fault_set(fault, TOLLGATE_INVALID_FRAME, PICTURE_SIZE, width, height);
    const size_t pixels = width * height;
    if (rest.at == rest.end) return cut_short(fault, pixels, 0);
    if (!is_space(*rest.at++)) return refused(fault, "no white space after its maximum");
    const size_t got = (size_t)(rest.end - rest.at);
    if (got < pixels) return cut_short(fault, pixels, got);
    if (maximum == 0 || maximum > 255) return refused(fault, "another maximum");
    if (maximum == 255) {
        *picture = (struct picture){.width = width, .height = height, .luma = rest.at};
        return true;
    }
    picture_new(width, height, picture);
    for (size_t place = 0; place < pixels; place++) {
        const size_t pixel = rest.at[place] < maximum ? rest.at[place] : maximum;
        picture->own[place] = (uint8_t)(pixel * 255 / maximum);
    }
    return true;
}
