"""The peer in `cargo xtask bench peers` that most people know: ONNX Runtime from Python, with threads.

It takes one argument, a JSON object with `model`, `input`, `dimensions` and `guests`, and writes one line when
it is ready: the version of ONNX Runtime, and what the first thread's first inference answered. From then on it
answers each line `load LEAD MEASURED`, both in milliseconds, with one line of JSON, `latency_ns`, as
`tests/peers/load.rs` does: every thread calls without a pause, and a call counts if it ends while it is measured.

All threads share one session, which ONNX Runtime allows and which lets go of Python's lock while it runs. One
thread inside an inference, no more: with as many as there are cores, every caller would bring one more than
those, and the session's own would spin beside them.
"""

import json
import sys
from threading import Thread
from time import perf_counter_ns

import numpy as np
import onnxruntime


def noise(dimensions, seed):
    """What the guests in the sandboxes draw, to the bit: 32-bit xorshift, with a zero in front."""
    count, state = int(np.prod(dimensions)), seed | 1
    drawn = np.empty(count, np.uint32)
    for index in range(count):
        state ^= state << 13 & 0xFFFFFFFF
        state ^= state >> 17
        state ^= state << 5 & 0xFFFFFFFF
        drawn[index] = state
    floats = drawn.astype(np.float32) / np.float32(2**31) - np.float32(1)
    floats[0] = 0
    return floats.reshape(dimensions)


class Guest:
    def __init__(self, session, name, data):
        self.session, self.feed = session, {name: data}

    def call(self):
        return self.session.run(None, self.feed)[0]

    def drive(self, begin, end):
        self.latencies, latencies = None, []
        before = perf_counter_ns()
        while True:
            self.call()
            after = perf_counter_ns()
            if after > end:
                self.latencies = latencies
                return
            if after >= begin:
                latencies.append(after - before)
            before = after


def load(guests, lead, measured):
    begin = perf_counter_ns() + lead * 1_000_000
    end = begin + measured * 1_000_000
    threads = [Thread(target=guest.drive, args=(begin, end)) for guest in guests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if any(guest.latencies is None for guest in guests):
        sys.exit("a thread failed: its message stands above")
    return {"latency_ns": [taken for guest in guests for taken in guest.latencies]}


def answer(value):
    print(json.dumps(value), flush=True)


def main():
    setup = json.loads(sys.argv[1])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(setup["model"], options, providers=["CPUExecutionProvider"])
    guests = [
        Guest(session, setup["input"], noise(setup["dimensions"], 2 * index + 1)) for index in range(setup["guests"])
    ]
    answers = [guest.call() for guest in guests]
    answer({"onnxruntime": onnxruntime.__version__, "answer": float(answers[0].flat[0])})
    for line in sys.stdin:
        word, lead, measured = line.split()
        if word != "load":
            sys.exit(f"expected `load LEAD MEASURED`, got `{line.strip()}`")
        answer(load(guests, int(lead), int(measured)))


if __name__ == "__main__":
    main()
