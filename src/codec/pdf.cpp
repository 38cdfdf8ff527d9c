// SPDX-License-Identifier: Apache-2.0
// Format: ISO 32000-1, sections 7.5 (file structure) and 8.9.5 (image dictionaries).
#include "codec/pdf.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <vector>

#include "codec/jpeg.hpp"

namespace microtome::codec {
namespace {

constexpr double kUnits = 72;  // an inch
constexpr double kMostUnits = 14'400;

std::string number(double value) {
  std::array<char, 64> text{};
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed, 3);
  return error == std::errc() ? std::string(text.data(), end) : "0";
}

class Writer {
 public:
  Writer() { text("%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"); }
  void text(std::string_view text) { out_.insert(out_.end(), text.begin(), text.end()); }
  void object(std::string_view dictionary) {
    begin();
    text(dictionary);
    text("\nendobj\n");
  }
  void stream(const std::string& dictionary, ByteView bytes) {
    begin();
    text("<<" + dictionary + " /Length " + std::to_string(bytes.size()) + ">>\nstream\n");
    out_.insert(out_.end(), bytes.begin(), bytes.end());
    text("\nendstream\nendobj\n");
  }
  Bytes end() {
    const std::size_t table = out_.size();
    constexpr std::size_t kOffset = 10;  // digits
    text("xref\n0 " + std::to_string(offsets_.size() + 1) + "\n0000000000 65535 f \n");
    for (const std::size_t offset : offsets_) {
      const std::string digits = std::to_string(offset);
      text(std::string(kOffset - std::min(kOffset, digits.size()), '0') + digits + " 00000 n \n");
    }
    text("trailer\n<</Size " + std::to_string(offsets_.size() + 1) + " /Root 1 0 R>>\nstartxref\n" +
         std::to_string(table) + "\n%%EOF\n");
    return std::move(out_);
  }

 private:
  void begin() {
    offsets_.push_back(out_.size());
    text(std::to_string(offsets_.size()) + " 0 obj\n");
  }
  Bytes out_;
  std::vector<std::size_t> offsets_;
};

}  // namespace

Result<Bytes> write_pdf(ByteView jpeg, double pixels_per_inch) {
  const auto info = inspect_jpeg(jpeg);
  if (!info) {
    return pass(info.error());
  }
  if (info->components != 1 && info->components != 3) {
    return fail(Code::unsupported, "this kind of JPEG does not go into a PDF");
  }
  const double longest = std::max(info->width, info->height);
  const double unit = std::min(pixels_per_inch > 1 ? kUnits / pixels_per_inch : 1.0, kMostUnits / longest);
  const std::string width = number(info->width * unit);
  const std::string height = number(info->height * unit);
  const std::string draw = "q " + width + " 0 0 " + height + " 0 0 cm /I Do Q";
  Writer writer;
  writer.object("<</Type /Catalog /Pages 2 0 R>>");
  writer.object("<</Type /Pages /Kids [3 0 R] /Count 1>>");
  writer.object("<</Type /Page /Parent 2 0 R /MediaBox [0 0 " + width + " " + height +
                "] /Contents 4 0 R /Resources <</XObject <</I 5 0 R>>>>>>");
  writer.stream("", as_bytes(draw));
  writer.stream("/Type /XObject /Subtype /Image /Width " + std::to_string(info->width) + " /Height " +
                    std::to_string(info->height) + " /BitsPerComponent 8 /ColorSpace " +
                    (info->components == 1 ? "/DeviceGray" : "/DeviceRGB") + " /Filter /DCTDecode",
                jpeg);
  return writer.end();
}

}  // namespace microtome::codec
