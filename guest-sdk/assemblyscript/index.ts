/**
 * Write Tollgate plugins in AssemblyScript: frames in, inferences on the host's graphs, an output out.
 *
 * A whole plugin:
 *
 * ```ts
 * import { Fault, Frame, Graph, Input, Output, Plugin, TensorType, exportPlugin } from "tollgate";
 *
 * class Classifier extends Plugin {
 *     private graph!: Graph;
 *
 *     start(): Fault | null {
 *         const graph = Graph.load("classifier");
 *         const error = graph.error;
 *         if (error) return Fault.from(error);
 *         this.graph = graph.value;
 *         return null;
 *     }
 *
 *     handle(frame: Frame, output: Output): Fault | null {
 *         const results = this.graph.infer([Input.from([1, 28, 28], TensorType.U8, frame.data)]);
 *         const error = results.error;
 *         if (error) return Fault.from(error);
 *         output.set(results.value[0].data);
 *         return null;
 *     }
 * }
 *
 * export function handle(): i32 {
 *     return exportPlugin<Classifier>();
 * }
 * ```
 *
 * It becomes a preview1 core module on `wasi_ephemeral_nn`. What that interface lacks is not here: names
 * of inputs and outputs, `describe`, BF16, and an inference in one crossing.
 */

export { tollgateAbort } from "./src/abort";
export { ErrorCode, Fault, FaultKind, GraphError, Result } from "./src/error";
export { Context, Graph } from "./src/graph";
export { Frame, Output, Plugin, exportPlugin } from "./src/plugin";
export { Input, Tensor, TensorType } from "./src/tensor";
