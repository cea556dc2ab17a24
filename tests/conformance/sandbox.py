"""The other side: cases through the boundary, in a process that is started again where a case takes
it down."""

import signal
import subprocess

from tensors import Reader, counted, write

INTERFACES = ["wasi:nn", "tollgate:nn infer", "tollgate:nn prepared"]

OUTPUTS, FAULT, TRAP = 0, 1, 2


class Sandbox:
    def __init__(self, command):
        self.command, self.process = command, None
        self.version = self.start()

    def start(self):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.process = subprocess.Popen(self.command, **pipes)
        line = self.process.stdout.readline().decode().strip()
        if not line:
            raise SystemExit(f"`{self.command[0]}` ended before it was ready")
        return line

    def run(self, interface, model, inputs):
        """What came of it: [`OUTPUTS`] and a list of tensors for each run, or words."""
        frame = bytes([interface]) + counted(model) + write(inputs)
        try:
            self.process.stdin.write(counted(frame))
            self.process.stdin.flush()
            kind = self.read(1)[0]
            answer = self.read(int.from_bytes(self.read(4), "little"))
        except (BrokenPipeError, EOFError):
            return TRAP, self.died()
        if kind != OUTPUTS:
            return kind, answer.decode(errors="replace")
        outer, runs = Reader(answer), []
        while not outer.ended():
            runs.append(Reader(outer.counted()).tensors())
        return OUTPUTS, runs

    def read(self, count):
        data = self.process.stdout.read(count)
        if len(data) != count:
            raise EOFError
        return data

    def died(self):
        code = self.process.wait()
        self.start()
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return f"the host died: {how}"

    def close(self):
        self.process.stdin.close()
        self.process.wait()
