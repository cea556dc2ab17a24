/**
 * Tensors: what goes into an inference and what comes out of one.
 *
 * Elements are dense, row-major and little-endian. Nothing here judges whether a tensor suits a graph;
 * the host does, and names the tensor when it does not.
 */

/** The type of one element, as `wasi_ephemeral_nn` numbers them; it has no BF16. */
export enum TensorType {
    FP16 = 0,
    FP32 = 1,
    FP64 = 2,
    U8 = 3,
    I32 = 4,
    I64 = 5,
}

/** A tensor going in. The host reads the elements where they lie, when the inference is asked for. */
export class Input {
    private constructor(
        /** The size of each dimension, outermost first. A scalar has none. */
        readonly dimensions: StaticArray<u32>,
        /** The type of one element. */
        readonly ty: TensorType,
        /** Keeps the elements from being collected. */
        private readonly elements: StaticArray<u8>,
        /** Where the elements lie, and their size in bytes. */
        readonly start: usize,
        readonly size: i32,
    ) {}

    /** As many elements as the dimensions say, of the type that the array has. */
    static of<T>(dimensions: StaticArray<u32>, elements: StaticArray<T>): Input {
        const size = elements.length * <i32>sizeof<T>();
        const start = changetype<usize>(elements);
        const held = changetype<StaticArray<u8>>(elements);
        return new Input(dimensions, typeOf<T>(), held, start, size);
    }

    /** The same of bytes that are elements of some other type, such as FP16, or a frame's pixels. */
    static from(dimensions: StaticArray<u32>, ty: TensorType, bytes: Uint8Array): Input {
        const held = changetype<StaticArray<u8>>(bytes);
        return new Input(dimensions, ty, held, bytes.dataStart, bytes.length);
    }
}

/** Decided when the plugin is compiled. */
function typeOf<T>(): TensorType {
    if (isFloat<T>()) return sizeof<T>() == 4 ? TensorType.FP32 : TensorType.FP64;
    if (sizeof<T>() == 1) return TensorType.U8;
    return sizeof<T>() == 4 ? TensorType.I32 : TensorType.I64;
}

/** Room for an output of which nothing is known yet, in bytes. */
const ROOM = 4096;

/**
 * A tensor that came out of an inference, there until the next one in the same context: its memory is used
 * again. Its type and dimensions are the model's to know.
 */
export class Tensor {
    private memory: ArrayBuffer = new ArrayBuffer(ROOM);
    private bytes: Uint8Array = new Uint8Array(0);

    /** The elements' bytes. */
    get data(): Uint8Array {
        return this.bytes;
    }

    /** One element, as `at<f32>(0)`. A trap beyond the last one. */
    at<T>(place: i32): T {
        const start = place * <i32>sizeof<T>();
        assert(place >= 0 && start + <i32>sizeof<T>() <= this.bytes.length);
        return load<T>(this.bytes.dataStart + start);
    }

    /** A copy of the elements, as `elements<f32>()`. A trap where the bytes are no whole number of them. */
    elements<T>(): StaticArray<T> {
        const size = this.bytes.length;
        assert(size % <i32>sizeof<T>() == 0);
        const copy = new StaticArray<T>(size / <i32>sizeof<T>());
        memory.copy(changetype<usize>(copy), this.bytes.dataStart, size);
        return copy;
    }

    /** For the host to write into: where, and how many bytes there is room for. */
    get start(): usize {
        return changetype<usize>(this.memory);
    }

    get room(): i32 {
        return this.memory.byteLength;
    }

    /** Twice the room. */
    grow(): void {
        this.memory = new ArrayBuffer(2 * this.room);
        this.bytes = Uint8Array.wrap(this.memory, 0, 0);
    }

    /** The host wrote so many bytes. */
    wrote(size: i32): void {
        const bytes = this.bytes;
        if (bytes.length != size || bytes.dataStart != this.start)
            this.bytes = Uint8Array.wrap(this.memory, 0, size);
    }
}
