// Does with its configuration, its log and its buckets what its frame says, a command a line, and says
// what came of each: the plugin of tests/guests/counter, in C++.
#include <algorithm>
#include <array>
#include <cstdlib>

#include <tollgate.hpp>

namespace {

using tollgate::Bucket;
using tollgate::StoreError;

using Said = std::expected<std::string, StoreError>;

// Cuts off what stands before a separator, or all of it.
std::string cut(std::string_view &rest, char separator) {
    const auto end = std::min(rest.find(separator), rest.size());
    std::string word(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return word;
}

tollgate::Level level(std::string_view name) {
    static constexpr std::array<std::string_view, 5> names{"trace", "debug", "info", "warn", "error"};
    return static_cast<tollgate::Level>(std::ranges::find(names, name) - names.begin());
}

Said keys(const Bucket &bucket) {
    std::string said;
    std::optional<std::uint64_t> cursor;
    do {
        auto page = bucket.keys(cursor);
        if (!page) return std::unexpected(page.error());
        for (const std::string &key : page->keys) said += (said.empty() ? "" : ",") + key;
        cursor = page->cursor;
    } while (cursor);
    return said;
}

Said call(const std::string &function, const Bucket &bucket, const std::string &key,
          std::string_view value) {
    const auto always = [](std::string said) { return [said] { return said; }; };
    if (function == "get")
        return bucket.get(key).transform([](const auto &found) {
            return found ? std::string(found->begin(), found->end()) : "none";
        });
    if (function == "set") {
        const auto *data = reinterpret_cast<const std::uint8_t *>(value.data());
        return bucket.set(key, {data, value.size()}).transform(always("set"));
    }
    if (function == "delete") return bucket.remove(key).transform(always("deleted"));
    if (function == "exists")
        return bucket.exists(key).transform(
            [](bool exists) { return std::string(exists ? "true" : "false"); });
    if (function == "increment")
        return bucket.increment(key, std::strtoull(std::string(value).c_str(), nullptr, 10))
            .transform([](std::uint64_t sum) { return std::to_string(sum); });
    return keys(bucket);
}

Said run(std::string_view line) {
    const std::string function = cut(line, ' '), first = cut(line, ' '), second = cut(line, ' ');
    if (function == "config")
        return tollgate::config(first).transform(
            [](const auto &value) { return value.value_or("none"); });
    if (function == "log") {
        tollgate::log(level(first), second, std::string(line));
        return "logged";
    }
    return Bucket::open(first).and_then(
        [&](const Bucket &bucket) { return call(function, bucket, second, line); });
}

std::string told(const StoreError &error) {
    switch (error.code) {
    case StoreError::Code::NoSuchStore: return "no-such-store";
    case StoreError::Code::AccessDenied: return "access-denied";
    default: return "other: " + error.message;
    }
}

struct Counter {
    static std::expected<Counter, tollgate::Fault> make() { return Counter{}; }

    std::expected<tollgate::Outputs, tollgate::Fault> handle(const tollgate::Frame &frame) {
        std::string_view rest{reinterpret_cast<const char *>(frame.data.data()), frame.data.size()};
        std::string said;
        for (bool first = true; !rest.empty(); first = false) {
            const std::string line = cut(rest, '\n');
            const auto one = run(line);
            said += (first ? "" : "\n") + (one ? *one : told(one.error()));
        }
        const auto *data = reinterpret_cast<const std::uint8_t *>(said.data());
        return tollgate::Outputs{{"said", "text/plain", {data, said.size()}}};
    }
};

} // namespace

TOLLGATE_EXPORT(Counter)
