// Write Tollgate plugins in C++23: tollgate.h with owners, spans and std::expected.
//
// A whole plugin:
//
//     #include <tollgate.hpp>
//
//     struct Classifier {
//         tollgate::Graph graph;
//
//         static std::expected<Classifier, tollgate::Fault> make() {
//             return tollgate::Graph::load("classifier").transform([](tollgate::Graph graph) {
//                 return Classifier{std::move(graph)};
//             });
//         }
//
//         std::expected<tollgate::Outputs, tollgate::Fault> handle(const tollgate::Frame &frame) {
//             static constexpr std::uint32_t dimensions[] = {1, 28, 28};
//             auto results = graph.infer({tollgate::Input(dimensions, frame.data)});
//             if (!results) return std::unexpected(results.error());
//             return tollgate::Outputs{{"scores", "", results->front().bytes()}};
//         }
//     };
//
//     TOLLGATE_EXPORT(Classifier)
//
// Header only; what does the work is the C library. Needs neither exceptions nor run-time types.
#ifndef TOLLGATE_HPP
#define TOLLGATE_HPP

#include <concepts>
#include <cstdint>
#include <cstdlib>
#include <expected>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tollgate.h"

namespace tollgate {

// ---- Errors and faults ----

// wasi-nn's error codes, in the standard's order; tollgate.h says what each means.
enum class ErrorCode {
    InvalidArgument = TOLLGATE_INVALID_ARGUMENT,
    InvalidEncoding = TOLLGATE_INVALID_ENCODING,
    Timeout = TOLLGATE_TIMEOUT,
    RuntimeError = TOLLGATE_RUNTIME_ERROR,
    UnsupportedOperation = TOLLGATE_UNSUPPORTED_OPERATION,
    TooLarge = TOLLGATE_TOO_LARGE,
    NotFound = TOLLGATE_NOT_FOUND,
    Security = TOLLGATE_SECURITY,
    Unknown = TOLLGATE_UNKNOWN,
};

// Why a graph call failed: a code to act on, a sentence to read.
struct Error {
    ErrorCode code = ErrorCode::Unknown;
    std::string message;

    static Error take(tollgate_error &error) {
        Error taken{static_cast<ErrorCode>(error.code), error.message};
        tollgate_error_free(&error);
        return taken;
    }
};

// Why a bucket, or a configuration value, could not be had.
struct StoreError {
    enum class Code {
        // There is no bucket of that name.
        NoSuchStore = TOLLGATE_NO_SUCH_STORE,
        // The bucket was not granted.
        AccessDenied = TOLLGATE_ACCESS_DENIED,
        // Anything else.
        Other = TOLLGATE_STORE_OTHER,
    };

    Code code = Code::Other;
    std::string message;

    static StoreError take(tollgate_store_error &error) {
        StoreError taken{static_cast<Code>(error.code), error.message};
        tollgate_store_error_free(&error);
        return taken;
    }
};

// Why a plugin could not make anything of a frame. It concerns that frame alone.
struct Fault {
    enum class Kind {
        // The frame is not what this plugin reads.
        InvalidFrame = TOLLGATE_INVALID_FRAME,
        // An inference failed.
        Inference = TOLLGATE_INFERENCE,
        // Something else, the plugin's own.
        Internal = TOLLGATE_INTERNAL,
    };

    Kind kind = Kind::Internal;
    // One sentence for a person: what was expected, what came, what to do.
    std::string message;

    Fault(Kind kind, std::string message) : kind(kind), message(std::move(message)) {}

    // A graph call that failed is a failed inference.
    Fault(const Error &error)
        : Fault(Kind::Inference,
                error.message + " ("
                    + tollgate_error_code_name(static_cast<tollgate_error_code>(error.code))
                    + ")") {}

    // A bucket that failed is the plugin's own affair.
    Fault(const StoreError &error) : Fault(Kind::Internal, error.message) {}

    static Fault invalid_frame(std::string message) {
        return {Kind::InvalidFrame, std::move(message)};
    }
    static Fault inference(std::string message) { return {Kind::Inference, std::move(message)}; }
    static Fault internal(std::string message) { return {Kind::Internal, std::move(message)}; }
};

// ---- Tensors ----

enum class TensorType {
    Fp16 = TOLLGATE_FP16,
    Fp32 = TOLLGATE_FP32,
    Fp64 = TOLLGATE_FP64,
    Bf16 = TOLLGATE_BF16,
    U8 = TOLLGATE_U8,
    I32 = TOLLGATE_I32,
    I64 = TOLLGATE_I64,
};

// An IEEE 754 half precision float, as its bits.
struct F16 {
    std::uint16_t bits;
};

// The upper half of a float, as its bits.
struct Bf16 {
    std::uint16_t bits;
};

// The C++ types that are elements of a tensor as they lie in memory.
template <class T> struct ElementOf;
template <> struct ElementOf<F16> { static constexpr auto type = TensorType::Fp16; };
template <> struct ElementOf<float> { static constexpr auto type = TensorType::Fp32; };
template <> struct ElementOf<double> { static constexpr auto type = TensorType::Fp64; };
template <> struct ElementOf<Bf16> { static constexpr auto type = TensorType::Bf16; };
template <> struct ElementOf<std::uint8_t> { static constexpr auto type = TensorType::U8; };
template <> struct ElementOf<std::int32_t> { static constexpr auto type = TensorType::I32; };
template <> struct ElementOf<std::int64_t> { static constexpr auto type = TensorType::I64; };

template <class T>
concept Element = requires { ElementOf<T>::type; };

// A tensor going in; it owns nothing. The host reads `data` where it lies.
class Input {
public:
    // An input that counts by its place in the list.
    template <class Data>
    Input(std::span<const std::uint32_t> dimensions, const Data &data)
        : Input(dimensions, std::span(data)) {}

    template <class T, std::size_t Extent>
        requires Element<std::remove_const_t<T>>
    Input(std::span<const std::uint32_t> dimensions, std::span<T, Extent> data)
        : input{nullptr,
                dimensions.data(),
                dimensions.size(),
                static_cast<tollgate_tensor_type>(ElementOf<std::remove_const_t<T>>::type),
                data.data(),
                data.size_bytes()} {}

    // The same for the graph's input of this name.
    Input named(const char *name) const {
        Input named = *this;
        named.input.name = name;
        return named;
    }

    tollgate_input input;
};

// A tensor that came out of an inference.
class Tensor {
public:
    explicit Tensor(tollgate_tensor &tensor) : tensor(std::exchange(tensor, {})) {}
    Tensor(Tensor &&other) noexcept : tensor(std::exchange(other.tensor, {})) {}
    Tensor &operator=(Tensor &&other) noexcept {
        std::swap(tensor, other.tensor);
        return *this;
    }
    ~Tensor() { tollgate_tensor_free(&tensor); }

    // The output's name after Context::compute; empty after Graph::infer.
    std::string_view name() const { return tensor.name == nullptr ? "" : tensor.name; }
    // The size of each dimension, outermost first. A scalar has none.
    std::span<const std::uint32_t> dimensions() const { return {tensor.dimensions, tensor.rank}; }
    TensorType ty() const { return static_cast<TensorType>(tensor.ty); }
    std::span<const std::uint8_t> bytes() const {
        return {static_cast<const std::uint8_t *>(tensor.data), tensor.size};
    }

    // The elements in place; `invalid-argument` where T is not the tensor's type.
    template <Element T> std::expected<std::span<const T>, Error> elements() const {
        const void *elements;
        std::size_t count;
        tollgate_error error;
        const auto type = static_cast<tollgate_tensor_type>(ElementOf<T>::type);
        if (!tollgate_tensor_elements(&tensor, type, &elements, &count, &error))
            return std::unexpected(Error::take(error));
        return std::span(static_cast<const T *>(elements), count);
    }

    // The tensors of a list, which is freed.
    static std::vector<Tensor> take(tollgate_tensors &list) {
        std::vector<Tensor> taken;
        taken.reserve(list.count);
        for (tollgate_tensor &item : std::span(list.items, list.count)) taken.emplace_back(item);
        tollgate_tensors_free(&list);
        return taken;
    }

private:
    tollgate_tensor tensor;
};

// ---- Graphs ----

// One input or output of a graph.
struct TensorInfo {
    std::string name;
    TensorType ty;
    // Outermost first; nothing for a dimension that may differ from call to call.
    std::vector<std::optional<std::uint32_t>> dimensions;
};

// What a graph is.
struct Metadata {
    std::vector<TensorInfo> inputs;
    std::vector<TensorInfo> outputs;
    // Where the graph really runs: `cpu`, `cuda`, ...
    std::string device;
};

// An execution context of the standard wasi-nn.
class Context {
public:
    explicit Context(tollgate_context context) : context(context) {}
    Context(Context &&other) noexcept : context(std::exchange(other.context, {0})) {}
    Context &operator=(Context &&other) noexcept {
        std::swap(context, other.context);
        return *this;
    }
    ~Context() {
        if (context.handle != 0) tollgate_context_free(context);
    }

    // Runs one inference. The outputs carry their names.
    std::expected<std::vector<Tensor>, Error> compute(std::span<const Input> inputs) const {
        tollgate_tensors outputs;
        tollgate_error error;
        if (!tollgate_context_compute(context, &inputs.data()->input, inputs.size(), &outputs,
                                      &error))
            return std::unexpected(Error::take(error));
        return Tensor::take(outputs);
    }
    auto compute(std::initializer_list<Input> inputs) const { return compute(std::span(inputs)); }

private:
    tollgate_context context;
};

// A model that the host has loaded.
class Graph {
public:
    // Looks a graph up; do it once, when the plugin is made. `not-found` where there is none of
    // that name, `security` where it was not granted.
    static std::expected<Graph, Error> load(const char *name) {
        tollgate_graph graph;
        tollgate_error error;
        if (!tollgate_graph_load(name, &graph, &error)) return std::unexpected(Error::take(error));
        return Graph(graph);
    }

    Graph(Graph &&other) noexcept : graph(std::exchange(other.graph, {0})) {}
    Graph &operator=(Graph &&other) noexcept {
        std::swap(graph, other.graph);
        return *this;
    }
    ~Graph() {
        if (graph.handle != 0) tollgate_graph_free(graph);
    }

    // Names, types and dimensions of inputs and outputs, and the device.
    Metadata describe() const {
        tollgate_metadata described;
        tollgate_graph_describe(graph, &described);
        Metadata metadata{infos(described.inputs), infos(described.outputs), described.device};
        tollgate_metadata_free(&described);
        return metadata;
    }

    // Runs one inference in one crossing and returns all outputs, in the order of
    // Metadata::outputs. Nothing is copied in.
    std::expected<std::vector<Tensor>, Error> infer(std::span<const Input> inputs) const {
        tollgate_tensors outputs;
        tollgate_error error;
        if (!tollgate_graph_infer(graph, &inputs.data()->input, inputs.size(), &outputs, &error))
            return std::unexpected(Error::take(error));
        return Tensor::take(outputs);
    }
    auto infer(std::initializer_list<Input> inputs) const { return infer(std::span(inputs)); }

    // For a plugin that must also run on a host without `tollgate:nn`.
    std::expected<Context, Error> context() const {
        tollgate_context context;
        tollgate_error error;
        if (!tollgate_graph_context(graph, &context, &error))
            return std::unexpected(Error::take(error));
        return Context(context);
    }

private:
    explicit Graph(tollgate_graph graph) : graph(graph) {}

    static std::vector<TensorInfo> infos(const tollgate_tensor_infos &list) {
        std::vector<TensorInfo> infos;
        for (const tollgate_tensor_info &item : std::span(list.items, list.count)) {
            TensorInfo info{item.name, static_cast<TensorType>(item.ty), {}};
            for (const std::int64_t size : std::span(item.dimensions, item.rank))
                info.dimensions.push_back(
                    size == TOLLGATE_ANY ? std::nullopt : std::optional<std::uint32_t>(size));
            infos.push_back(std::move(info));
        }
        return infos;
    }

    tollgate_graph graph;
};

// A list of inputs is handed on as it lies.
static_assert(sizeof(Input) == sizeof(tollgate_input));

// ---- Configuration, log and buckets ----

// The configuration value of a key; nothing where there is no such key, or nothing was granted. It
// takes a crossing: read it once, when the plugin is made.
inline std::expected<std::optional<std::string>, StoreError> config(const std::string &key) {
    char *value;
    tollgate_store_error error;
    if (!tollgate_config(key.c_str(), &value, &error))
        return std::unexpected(StoreError::take(error));
    if (value == nullptr) return std::nullopt;
    std::string taken = value;
    std::free(value);
    return taken;
}

// How much a log line matters, least first.
enum class Level {
    Trace = TOLLGATE_LEVEL_TRACE,
    Debug = TOLLGATE_LEVEL_DEBUG,
    Info = TOLLGATE_LEVEL_INFO,
    Warn = TOLLGATE_LEVEL_WARN,
    Error = TOLLGATE_LEVEL_ERROR,
    Critical = TOLLGATE_LEVEL_CRITICAL,
};

// Logs one line; `context` groups lines that belong together, and may be empty. It takes a crossing.
// Without the grant, and beyond the host's limits, nobody sees it.
inline void log(Level level, const std::string &context, const std::string &message) {
    tollgate_log(static_cast<tollgate_level>(level), context.c_str(), message.c_str());
}

// One page of keys.
struct Keys {
    std::vector<std::string> keys;
    // What to ask for the next page with; nothing after the last.
    std::optional<std::uint64_t> cursor;
};

// Keys and their values, kept by the host; tollgate.h says what that means.
class Bucket {
public:
    // Opens a bucket by the name that the host gave it; do it once, when the plugin is made.
    static std::expected<Bucket, StoreError> open(const std::string &name) {
        tollgate_bucket bucket;
        tollgate_store_error error;
        if (!tollgate_bucket_open(name.c_str(), &bucket, &error))
            return std::unexpected(StoreError::take(error));
        return Bucket(bucket);
    }

    Bucket(Bucket &&other) noexcept : bucket(std::exchange(other.bucket, {0})) {}
    Bucket &operator=(Bucket &&other) noexcept {
        std::swap(bucket, other.bucket);
        return *this;
    }
    ~Bucket() {
        if (bucket.handle != 0) tollgate_bucket_free(bucket);
    }

    // The value of a key; nothing where there is no such key.
    std::expected<std::optional<std::vector<std::uint8_t>>, StoreError>
    get(const std::string &key) const {
        tollgate_value value;
        tollgate_store_error error;
        if (!tollgate_bucket_get(bucket, key.c_str(), &value, &error))
            return std::unexpected(StoreError::take(error));
        if (!value.is_some) return std::nullopt;
        const auto *data = static_cast<const std::uint8_t *>(value.data);
        std::vector<std::uint8_t> taken(data, data + value.size);
        tollgate_value_free(&value);
        return taken;
    }

    // Sets the value of a key.
    std::expected<void, StoreError> set(const std::string &key,
                                        std::span<const std::uint8_t> value) const {
        tollgate_store_error error;
        if (!tollgate_bucket_set(bucket, key.c_str(), value.data(), value.size(), &error))
            return std::unexpected(StoreError::take(error));
        return {};
    }

    // Removes a key, which need not be there.
    std::expected<void, StoreError> remove(const std::string &key) const {
        tollgate_store_error error;
        if (!tollgate_bucket_delete(bucket, key.c_str(), &error))
            return std::unexpected(StoreError::take(error));
        return {};
    }

    // Whether there is such a key.
    std::expected<bool, StoreError> exists(const std::string &key) const {
        bool exists;
        tollgate_store_error error;
        if (!tollgate_bucket_exists(bucket, key.c_str(), &exists, &error))
            return std::unexpected(StoreError::take(error));
        return exists;
    }

    // Adds to the decimal number that a key has, zero where there is none, and returns the sum.
    std::expected<std::uint64_t, StoreError> increment(const std::string &key,
                                                       std::uint64_t delta) const {
        std::uint64_t sum;
        tollgate_store_error error;
        if (!tollgate_bucket_increment(bucket, key.c_str(), delta, &sum, &error))
            return std::unexpected(StoreError::take(error));
        return sum;
    }

    // One page of keys: the first without a cursor, the next with the cursor of the one before.
    std::expected<Keys, StoreError> keys(std::optional<std::uint64_t> cursor) const {
        tollgate_keys page;
        tollgate_store_error error;
        const std::uint64_t from = cursor.value_or(0);
        if (!tollgate_bucket_keys(bucket, cursor ? &from : nullptr, &page, &error))
            return std::unexpected(StoreError::take(error));
        Keys taken{{page.items, page.items + page.count}, std::nullopt};
        if (page.more) taken.cursor = page.cursor;
        tollgate_keys_free(&page);
        return taken;
    }

private:
    explicit Bucket(tollgate_bucket bucket) : bucket(bucket) {}

    tollgate_bucket bucket;
};

// ---- Frames and outputs ----

// What a plugin is handed: one message, picture or buffer as it arrived. It lives as long as the
// call.
struct Frame {
    // Counts the frames of one source from zero.
    std::uint64_t sequence = 0;
    // Where it came from: a file's name, a topic, a path.
    std::string_view source;
    // The media type of `data`, such as `image/jpeg`; empty where nobody said.
    std::string_view content_type;
    // When it was acquired, in nanoseconds since the Unix epoch; zero where nobody knows.
    std::uint64_t acquired_ns = 0;
    std::span<const std::uint8_t> data;
};

// What a plugin hands back.
struct Output {
    // Which of the plugin's outputs this is; routes bind to it.
    std::string name;
    // The media type of `data`.
    std::string content_type;
    std::vector<std::uint8_t> data;

    Output(std::string name, std::string content_type, std::span<const std::uint8_t> data)
        : name(std::move(name)), content_type(std::move(content_type)),
          data(data.begin(), data.end()) {}

    // An output that is JSON text. The text is taken as it is and not checked.
    static Output json(std::string name, std::string_view text) {
        return {std::move(name),
                "application/json",
                {reinterpret_cast<const std::uint8_t *>(text.data()), text.size()}};
    }
};

using Outputs = std::vector<Output>;

// ---- The plugin ----

// A plugin: made once per instance, before its first frame, then handed one frame after the
// other. The value lasts as long as its instance, for many frames or for one: keep in it what may
// be forgotten.
template <class T>
concept Plugin = requires(T plugin, const Frame &frame) {
    { T::make() } -> std::same_as<std::expected<T, Fault>>;
    { plugin.handle(frame) } -> std::same_as<std::expected<Outputs, Fault>>;
};

inline bool refuse(tollgate_fault *fault, const Fault &why) {
    return tollgate_fault_set(fault, static_cast<tollgate_fault_kind>(why.kind), "%s",
                              why.message.c_str());
}

// What TOLLGATE_EXPORT puts between the host's call and the plugin.
template <Plugin T>
bool handle(const tollgate_frame &frame, tollgate_outputs *outputs, tollgate_fault *fault) {
    static std::optional<T> plugin;
    if (!plugin) {
        auto made = T::make();
        if (!made) return refuse(fault, made.error());
        plugin.emplace(std::move(*made));
    }
    const auto handled = plugin->handle({
        .sequence = frame.sequence,
        .source = {frame.source.data, frame.source.size},
        .content_type = {frame.content_type.data, frame.content_type.size},
        .acquired_ns = frame.acquired_ns,
        .data = {frame.data, frame.size},
    });
    if (!handled) return refuse(fault, handled.error());
    for (const Output &output : *handled)
        tollgate_outputs_add(outputs, output.name.c_str(), output.content_type.c_str(),
                             output.data.data(), output.data.size());
    return true;
}

} // namespace tollgate

// Makes `type` the plugin. Once in a program, at file scope.
#undef TOLLGATE_EXPORT
#define TOLLGATE_EXPORT(type)                                                                      \
    extern "C" bool tollgate_plugin_handle(const tollgate_frame *frame, tollgate_outputs *outputs, \
                                           tollgate_fault *fault) {                                \
        return ::tollgate::handle<type>(*frame, outputs, fault);                                   \
    }

#endif
