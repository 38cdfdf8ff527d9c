// SPDX-License-Identifier: Apache-2.0
// Real exchanges with iipsrv 1.3 (tests/golden/iip), sent to this service over real files: status, type, geometry,
// texts, and pixels within a mean difference of two levels.
#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <set>
#include <sstream>

#include "codec/avif.hpp"
#include "codec/jpeg.hpp"
#include "codec/png.hpp"
#include "codec/webp.hpp"
#include "pixel/convert.hpp"
#include "protocol/testing.hpp"

namespace microtome::protocol {
namespace {

constexpr double kMeanDifference = 2;      // levels
constexpr double kMeanDifferenceAvif = 4;  // at the same quality encoders of AVIF differ by more than others

struct Row {
  int id = 0;
  std::string method;
  std::string query;
  std::string uri;
  std::string extra;
  std::string body;
  int status = 0;
  std::string type;
  std::string hash;
};

// Rows whose answers are faults of iipsrv.
const std::set<int> kFaults{27,  32,  33,  46,  47,  57,  65,  66,  92,  120, 129,
                            140, 145, 154, 175, 193, 203, 204, 205, 206, 207, 208};
// What this server answers otherwise on purpose (docs/manual.md).
const std::map<int, std::pair<int, std::string>> kDifferences{
    {8, {200, "IIP:1.0\r\nMax-size:500 400\r\nTile-size:128 64\r\nResolution-number:4\r\n"}},  // tiles are not square
    {34, {200, "Error/17:3 2 unknown-thing\r\n"}},  // no header in the body
    {81, {200, ""}},                                // SDS=135 means 135,90
    {134, {200, ""}},  // the value of the pixel asked for; there, of colour pictures, that of another one
    {128, {200, ""}},  // WID=0: the full size, there the smallest level enlarged to it
    {165, {200, ""}},  // IIIF "100,": 100 pixels wide, there 99
    {167, {200, ""}},
    {171, {200, ""}},
    {197, {200, ""}},  // strips can be read
};

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> cut(const std::string& line, char at) {
  std::vector<std::string> parts;
  std::istringstream stream(line);
  for (std::string part; std::getline(stream, part, at);) {
    parts.push_back(part);
  }
  return parts;
}

std::string before(const std::string& text, const std::string& mark) {
  return text.substr(0, text.find(mark));
}

// "\r\n" as two escapes each, as the table of bodies has them.
std::string unescaped(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) {
      ++i;
      out += text[i] == 'r' ? '\r' : text[i] == 'n' ? '\n' : text[i];
    } else {
      out += text[i];
    }
  }
  return out;
}

pixel::Image decoded(const std::string& body) {
  if (body.starts_with("\x89PNG")) {
    auto image = codec::decode_png(as_bytes(body));
    return image ? pixel::to_rgb(pixel::to_u8(*image)) : pixel::Image();
  }
  if (body.starts_with("RIFF")) {
    auto image = codec::decode_webp(as_bytes(body));
    return image ? pixel::to_rgb(*image) : pixel::Image();
  }
  if (body.starts_with("II*")) {
    const io::ScratchDir dir;
    auto file = io::File::open(dir.write("answer.tif", body));
    const auto picture = file ? image::open_picture(*file, {}) : pass(file.error());
    if (!picture) {
      return {};
    }
    int reduction = 1;
    auto image =
        (*picture)->decode_region(0, {0, 0, (*picture)->info().width, (*picture)->info().height}, &reduction, {});
    return image ? pixel::to_rgb(pixel::to_u8(*image)) : pixel::Image();
  }
  if (body.substr(4, 8) == "ftypavif") {
    auto image = codec::decode_avif(as_bytes(body));
    return image ? pixel::to_rgb(pixel::to_u8(*image)) : pixel::Image();
  }
  auto image = codec::decode_jpeg(as_bytes(body));
  return image ? pixel::to_rgb(*image) : pixel::Image();
}

double mean_difference(const pixel::Image& one, const pixel::Image& other) {
  double sum = 0;
  for (std::size_t i = 0; i < one.data.size(); ++i) {
    sum += std::abs(static_cast<int>(one.data[i]) - static_cast<int>(other.data[i]));
  }
  return sum / static_cast<double>(std::max<std::size_t>(one.data.size(), 1));
}

class IipGolden : public ServiceTest {
 protected:
  IipGolden() {
    const char* elsewhere = std::getenv("MICROTOME_GOLDEN_IIP");
    folder = elsewhere != nullptr ? std::filesystem::path(elsewhere)
                                  : std::filesystem::path(MICROTOME_FIXTURES) / "../golden/iip";
    const std::filesystem::path kept = std::filesystem::path(MICROTOME_FIXTURES) / "../golden/iip";
    std::istringstream table(read(folder / "requests.tsv"));
    std::string line;
    std::getline(table, line);
    while (std::getline(table, line)) {
      const auto cells = cut(line, '\t');
      if (cells.size() >= 11) {
        rows.push_back({std::stoi(cells[0]), cells[1], cells[2], cells[3], cells[4], cells[5],
                        std::atoi(cells[6].c_str()), cells[7], cells[9]});
        files[cells[9]] = std::filesystem::exists(folder / "responses" / cells[10]) ? cells[10] : files[cells[9]];
      }
    }
    std::istringstream texts(read(kept / "bodies.tsv"));
    while (std::getline(texts, line)) {
      bodies[std::atoi(line.c_str())] = unescaped(line.substr(line.find('\t') + 1));
    }
    options.roots.directories = {std::filesystem::canonical(folder / "samples").string()};
    engine = engine::make_engine(engine_options, pool, {});
    auto made = make_service(options, engine, pool, Log());
    EXPECT_TRUE(made);
    handler = std::move(*made);
  }

  static std::string whole(const http::Response& response) {
    const auto* file = std::get_if<http::FileBody>(&response.body);
    if (file == nullptr) {
      return body_of(response);
    }
    std::string out(file->prefix ? as_text(*file->prefix) : std::string_view());
    for (const auto& range : file->ranges) {
      const auto bytes = range.file->read(range.offset, static_cast<std::size_t>(range.length));
      out += bytes ? as_text(*bytes) : std::string_view();
    }
    return out + std::string(file->suffix ? as_text(*file->suffix) : std::string_view());
  }

  http::Response ask(const Row& row) {
    http::Request made = request(row.uri.empty() ? "/iip?" + row.query : row.uri);
    made.method = row.method;
    made.body = row.body;
    if (const std::size_t at = row.extra.find("IF_MODIFIED_SINCE="); at != std::string::npos) {
      made.headers.add("If-Modified-Since", row.extra.substr(at + 18));
    }
    return send(std::move(made));
  }

  // Why a row is not asked at all; "" when it is.
  [[nodiscard]] std::string left_out(const Row& row) const {
    if (row.query.empty() && row.body.empty() && row.uri.empty()) {
      return "another page";
    }
    const std::string name = before(row.query.substr(std::min(row.query.find('=') + 1, row.query.size())), "&");
    for (const char* sample : {"rgb_deflate.tif", "rgb.jp2", "rgb_strip.tif", "rgb_webp.tif", "rgba.tif", "lab.tif",
                               "subifd.tif", "grey8.tif", "flat_tiled.tif", "rgb_zstd.tif"}) {
      if (name.starts_with(sample) && !std::filesystem::exists(folder / "samples" / sample)) {
        return "no sample";
      }
    }
    return {};
  }

  // "" when the answer is as it should be.
  std::string compare(const Row& row) {
    const http::Response response = ask(row);
    const std::string body = whole(response);
    const auto other = kDifferences.find(row.id);
    if (other != kDifferences.end()) {
      const bool same =
          response.status == other->second.first && (other->second.second.empty() || body == other->second.second);
      return same ? "" : "status " + std::to_string(response.status) + ", " + body.substr(0, 100);
    }
    if (response.status != row.status) {
      return "status " + std::to_string(response.status) + " instead of " + std::to_string(row.status);
    }
    const std::string type(response.headers.get("Content-Type"));
    if (row.status == 200 && before(type, ";") != before(row.type, ";")) {
      return "type " + type + " instead of " + row.type;
    }
    if (response.headers.get("Access-Control-Allow-Origin") != "*") {
      return "no CORS header";
    }
    if (row.type.starts_with("image/")) {
      return response.headers.get("Last-Modified").empty() ? "no Last-Modified" : compare_pictures(row, body);
    }
    const auto text = bodies.find(row.id);
    // The version line of the handshake is in our body; iipsrv 1.3 sends it as a header.
    const std::string said = body.starts_with("IIP:1.0\r\n") ? body.substr(9) : body;
    if (text == bodies.end() && (before(row.type, ";") == "application/xml" || row.type == "application/json")) {
      const std::string theirs = files[row.hash].empty() ? "" : read(folder / "responses" / files[row.hash]);
      return theirs.empty() || said == theirs.substr(theirs.find("\r\n\r\n") + 4) ? "" : "body " + said;
    }
    if (text == bodies.end()) {
      return row.type == "application/vnd.netfpx" ? "no body to compare with" : "";
    }
    return said == text->second ? "" : "body " + said;
  }

  std::string compare_pictures(const Row& row, const std::string& body) {
    const pixel::Image ours = decoded(body);
    if (ours.data.empty()) {
      return "the picture cannot be decoded";
    }
    const std::string& file = files[row.hash];
    if (file.empty()) {
      return {};
    }
    const std::string response = read(folder / "responses" / file);
    const pixel::Image theirs = decoded(response.substr(response.find("\r\n\r\n") + 4));
    if (ours.width != theirs.width || ours.height != theirs.height) {
      return std::to_string(ours.width) + "x" + std::to_string(ours.height) + " instead of " +
             std::to_string(theirs.width) + "x" + std::to_string(theirs.height);
    }
    ++pictures;
    const double difference = mean_difference(ours, theirs);
    return difference <= (row.type == "image/avif" ? kMeanDifferenceAvif : kMeanDifference)
               ? ""
               : "mean difference " + std::to_string(difference);
  }

  std::filesystem::path folder;
  std::vector<Row> rows;
  std::map<std::string, std::string> files;  // responses by hash
  std::map<int, std::string> bodies;
  int pictures = 0;  // compared
};

TEST_F(IipGolden, AnswersAsViewersKnowIt) {
  ASSERT_GT(rows.size(), 100U);
  std::map<std::string, std::string> left;
  int passed = 0;
  for (const Row& row : rows) {
    if (kFaults.contains(row.id)) {
      continue;
    }
    if (const std::string why = left_out(row); !why.empty()) {
      left[why] += " " + std::to_string(row.id);
      continue;
    }
    const std::string wrong = compare(row);
    EXPECT_EQ(wrong, "") << "row " << row.id << ": " << row.query << row.body;
    passed += wrong.empty() ? 1 : 0;
  }
  std::cout << passed << " rows pass, " << pictures << " of them with pixels\n";
  for (const auto& [why, which] : left) {
    std::cout << why << ":" << which << "\n";
  }
  EXPECT_GE(passed, 95);
  EXPECT_GE(pictures, 20);
}

TEST_F(IipGolden, IsRightWhereIipsrvIsWrong) {
  const std::map<int, std::pair<int, std::string>> right{
      {33, {200, "Error/24:2 1 FIF=meta.tif&OBJ=xmp\r\n"}},
      {120, {400, "the region lies outside the picture\n"}},
      {129, {400, "WID needs a number of pixels\n"}},
      {206, {200, "Error/4:1 3 \r\n"}},
      {207, {200, "Error/4:1 3 \r\n"}},
  };
  int asked = 0;
  for (const Row& row : rows) {
    if (const auto at = right.find(row.id); at != right.end()) {
      const http::Response response = ask(row);
      EXPECT_EQ(response.status, at->second.first) << row.id;
      EXPECT_EQ(whole(response), at->second.second) << row.id;
      ++asked;
    }
    if (row.id == 32) {
      EXPECT_THAT(whole(ask(row)), testing::HasSubstr(R"("description":"desc with \"quotes\"")"));
      ++asked;
    }
    if (row.id == 57 && std::filesystem::exists(folder / "samples" / "rgb.jp2")) {  // a JPEG 2000 picture, not black
      const pixel::Image tile = decoded(whole(ask(row)));
      ASSERT_EQ(tile.width, 256);
      double sum = 0;
      for (const std::uint8_t sample : tile.data) {
        sum += sample;
      }
      EXPECT_NEAR(sum / static_cast<double>(tile.data.size()), 204, 3);
    }
    if (row.id == 92) {  // a picture that is no map of normals is lit nevertheless
      const pixel::Image lit = decoded(whole(ask(row)));
      EXPECT_EQ(lit.width, 128);
      EXPECT_EQ(lit.height, 125);
      ++asked;
    }
  }
  EXPECT_EQ(asked, 7);
}

}  // namespace
}  // namespace microtome::protocol
