/* UTF-8, as far as it has to be told from other bytes: a frame's own often end up in a fault's sentence. */
#include "text.h"

#include <stdint.h>

/* How many bytes the character at `text` has; zero where there is none. */
static size_t character(const uint8_t *text, size_t size) {
    const uint8_t first = text[0];
    if (first < 0x80) return 1;
    const size_t wanted = first >= 0xc2 && first <= 0xdf ? 2
                        : first >= 0xe0 && first <= 0xef ? 3
                        : first >= 0xf0 && first <= 0xf4 ? 4
                                                         : 0;
    if (wanted == 0 || wanted > size) return 0;
    for (size_t place = 1; place < wanted; place++)
        if ((text[place] & 0xc0) != 0x80) return 0;
    /* No more bytes than the character needs, no surrogates, nothing beyond the last character. */
    const uint8_t least = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    const uint8_t most = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    return text[1] >= least && text[1] <= most ? wanted : 0;
}

void tollgate_mend_text(char *text, size_t size) {
    uint8_t *bytes = (uint8_t *)text;
    for (size_t at = 0; at < size;) {
        const size_t wide = character(bytes + at, size - at);
        if (wide == 0) bytes[at] = '?';
        at += wide == 0 ? 1 : wide;
    }
}
