/**
 * The few functions of preview1 that a plugin stands on: standard input, output and error. Reading and
 * writing are of whole things; a host that takes less than it is offered is asked again.
 */

// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "fd_read")
declare function fdRead(fd: u32, list: usize, count: u32, read: usize): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "fd_write")
declare function fdWrite(fd: u32, list: usize, count: u32, written: usize): u32;

/** An address, a size, and where the host puts how much it was. */
const PARTS = memory.data(12, 4);

/** What a frame is read into at first, in bytes; it grows with the frames. */
const ROOM = 64 << 10;

/** The last frame's bytes; kept, so that the next one needs no memory of its own. */
let room = new ArrayBuffer(ROOM);

/** All of standard input. The bytes are there until it is called again. */
export function readAll(): Uint8Array {
    let size = 0;
    while (true) {
        if (size == room.byteLength) room = grown(room);
        store<usize>(PARTS, changetype<usize>(room) + size);
        store<u32>(PARTS, room.byteLength - size, 4);
        store<u32>(PARTS, 0, 8);
        const failed = fdRead(0, PARTS, 1, PARTS + 8) != 0;
        const more = load<i32>(PARTS, 8);
        if (failed || more == 0) return Uint8Array.wrap(room, 0, size);
        size += more;
    }
}

function grown(old: ArrayBuffer): ArrayBuffer {
    const larger = new ArrayBuffer(2 * old.byteLength);
    memory.copy(changetype<usize>(larger), changetype<usize>(old), old.byteLength);
    return larger;
}

/** Writes bytes to standard output (1) or standard error (2); says whether all of them went. */
export function writeAll(fd: u32, start: usize, size: i32): bool {
    while (size > 0) {
        store<usize>(PARTS, start);
        store<u32>(PARTS, size, 4);
        store<u32>(PARTS, 0, 8);
        if (fdWrite(fd, PARTS, 1, PARTS + 8) != 0) return false;
        const written = load<i32>(PARTS, 8);
        start += written;
        size -= written;
    }
    return true;
}
