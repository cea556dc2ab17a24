/*
 * Bytes of a frame to a grey picture.
 *
 * Binary PGM, by its first bytes and by nothing else: the frame's content type is the sender's
 * opinion. Bounded by MAX_SIDE and MAX_PIXELS, both checked before anything of that size is
 * allocated. Knows nothing of meters.
 */
#ifndef PICTURE_H
#define PICTURE_H

#include <tollgate.h>

enum {
    /* The longest side in pixels. A camera that looks at one register has no need of more. */
    MAX_SIDE = 4096,
    /* The most pixels: 4 MiB of grey. */
    MAX_PIXELS = 4 << 20,
    /* The shortest side in pixels on which five digits could still be told apart. */
    MIN_SIDE = 24,
};

/* A grey picture, one byte a pixel, rows without padding, white is 255. */
struct picture {
    size_t width;
    size_t height;
    const uint8_t *luma;
    /* The same pixels where the picture owns them; NULL where they are somebody else's. */
    uint8_t *own;
};

/* A black picture with memory of its own. Nothing where the size is none of a picture. */
bool picture_new(size_t width, size_t height, struct picture *picture);

/* A picture over the bytes of a frame, which must outlive it. */
bool picture_decode(const uint8_t *bytes, size_t size, struct picture *picture,
                    tollgate_fault *fault);

/* A picture of 1 / factor of the size, each pixel the mean of a square of `factor` a side. */
bool picture_shrunk(const struct picture *picture, size_t factor, struct picture *shrunk);

/* One row; the first for anything above it, the last for anything below. */
const uint8_t *picture_row(const struct picture *picture, ptrdiff_t y);

void picture_free(struct picture *picture);

/* What a size that is none of a picture is refused with, after whatever the plugin says first. */
#define PICTURE_SIZE                                                                               \
    "expected a picture of %d to %d pixels a side and %d in all, got %zux%zu: crop or scale it",   \
        MIN_SIDE, MAX_SIDE, MAX_PIXELS

#endif
