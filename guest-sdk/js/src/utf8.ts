/** Text to UTF-8, which the component's JavaScript runtime has no TextEncoder for. */

/** The bytes of a text; half a surrogate pair becomes U+FFFD. */
export function utf8(text: string): Uint8Array {
    const bytes: number[] = [];
    for (const character of text) {
        let point = character.codePointAt(0) ?? 0;
        if (point < 0x80) {
            bytes.push(point);
            continue;
        }
        if (point >= 0xd800 && point < 0xe000) point = 0xfffd;
        const following = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
        const lead = [0, 0xc0, 0xe0, 0xf0][following];
        bytes.push(lead | (point >> (6 * following)));
        for (let at = following - 1; at >= 0; at--) bytes.push(0x80 | ((point >> (6 * at)) & 0x3f));
    }
    return Uint8Array.from(bytes);
}
