/**
 * Write Tollgate plugins in TypeScript or JavaScript: frames in, inferences on the host's graphs,
 * outputs out.
 *
 * A whole plugin:
 *
 * ```ts
 * import { type Frame, Graph, type Output, type Plugin, exportPlugin } from "tollgate";
 *
 * class Classifier implements Plugin {
 *     graph = Graph.load("classifier");
 *
 *     handle(frame: Frame): Output[] {
 *         const [scores] = this.graph.infer([{ dimensions: [1, 28, 28], data: frame.data }]);
 *         return [{ name: "scores", contentType: "", data: scores.data }];
 *     }
 * }
 *
 * export const handler = exportPlugin(Classifier);
 * ```
 *
 * A graph call that fails throws a `GraphError`, and a frame that the plugin can make nothing of is a
 * `Fault` to throw; a `GraphError` that nobody caught becomes the fault `inference`. Anything else that
 * is thrown is a bug: the fault `internal` says what it was, and the plugin is made anew.
 *
 * Modules are run when the component is built; only `handle` and what it calls runs in the host.
 *
 * @module
 */

export { Bucket, type Keys } from "./bucket.js";
export { config } from "./config.js";
export { type ErrorCode, Fault, type FaultKind, GraphError } from "./error.js";
export { Context, Graph, type Metadata, type TensorInfo } from "./graph.js";
export { type Level, log } from "./log.js";
export { type Frame, type Output, type Plugin, exportPlugin, json } from "./plugin.js";
export { StoreError, type StoreErrorCode } from "./store.js";
export { type Elements, type Input, Tensor, type TensorType } from "./tensor.js";
export { utf8 } from "./utf8.js";
