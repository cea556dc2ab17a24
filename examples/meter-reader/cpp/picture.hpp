// Bytes of a frame to a grey picture.
//
// Binary PGM, by its first bytes and by nothing else: the frame's content type is the sender's
// opinion. Bounded by MAX_SIDE and MAX_PIXELS, both checked before anything of that size is
// allocated. Knows nothing of meters.
#ifndef METER_PICTURE_HPP
#define METER_PICTURE_HPP

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <vector>

namespace meter {

// What was expected, what came, what to do.
using Refusal = std::string;
template <class T> using Result = std::expected<T, Refusal>;

// A grey picture, one byte a pixel, rows without padding, white is 255.
class Picture {
public:
    // The longest side in pixels. A camera that looks at one register has no need of more.
    static constexpr std::size_t MAX_SIDE = 4096;
    // The most pixels: 4 MiB of grey.
    static constexpr std::size_t MAX_PIXELS = 4 << 20;
    // The shortest side in pixels on which five digits could still be told apart.
    static constexpr std::size_t MIN_SIDE = 24;

    // A picture over the bytes of a frame, which must outlive it.
    static Result<Picture> decode(std::span<const std::uint8_t> bytes);

    // A picture of `width * height` pixels; refused where that is no size for one.
    static Result<Picture> owning(std::size_t width, std::size_t height,
                                  std::vector<std::uint8_t> luma);

    // This picture at 1 / factor of its size, each pixel the mean of a square of `factor` a side.
    Result<Picture> shrunk(std::size_t factor) const;

    std::size_t width() const { return wide; }
    std::size_t height() const { return high; }

    // One row; the first for anything above it, the last for anything below.
    std::span<const std::uint8_t> row(std::ptrdiff_t y) const;

    // All pixels from this one on; the one below it is `width()` further.
    std::span<const std::uint8_t> from(std::size_t x, std::size_t y) const {
        return luma.subspan(y * wide + x);
    }

private:
    Picture(std::size_t width, std::size_t height, std::span<const std::uint8_t> luma)
        : wide(width), high(height), luma(luma) {}

    std::size_t wide;
    std::size_t high;
    std::span<const std::uint8_t> luma;
    // What `luma` looks at, unless it looks at a frame. Moving a vector moves no pixel.
    std::vector<std::uint8_t> own;
};

} // namespace meter

#endif
