// SPDX-License-Identifier: Apache-2.0
// Pictures of the old server and of Woolz itself, pixel for pixel. What differs on purpose, and is tested for what is
// right: 16-bit, integer and floating alpha (rows 054 to 056: the old alpha is 1 of 255).
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "codec/jpeg.hpp"
#include "codec/png.hpp"
#include "io/scratch_dir.hpp"
#include "woolz/command.hpp"
#include "woolz/sample.hpp"
#include "woolz/synthetic.hpp"

namespace microtome::woolz {
namespace {

struct Row {
  std::string id;
  std::string sample;
  std::string query;
  std::string type;
};

std::vector<Row> rows() {
  std::ifstream in(synthetic::golden("requests.tsv"));
  std::vector<Row> all;
  for (std::string line; std::getline(in, line);) {
    std::istringstream fields(line);
    Row row;
    if (!line.starts_with('#') && std::getline(fields, row.id, '\t') && std::getline(fields, row.sample, '\t') &&
        std::getline(fields, row.query, '\t') && std::getline(fields, row.type, '\t')) {
      all.push_back(row);
    }
  }
  return all;
}

// What a query asks for, apart from its parameters.
struct Output {
  std::string command;
  std::string argument;
  std::array<double, 4> region{0, 0, 1, 1};
};

class Golden : public testing::Test {
 protected:
  ObjectPtr open(const std::string& name) {
    ObjectPtr& object = objects_[name];
    if (!object) {
      const std::string plain = name.ends_with(".gz") ? name.substr(0, name.size() - 3) : name;
      const Bytes bytes = synthetic::sample(plain);
      EXPECT_FALSE(bytes.empty()) << name;
      auto file = io::File::open(scratch_.write(plain, bytes));
      OpenOptions options;
      options.keep_sidecar = false;
      auto opened = open_object(*file, options);
      EXPECT_TRUE(opened) << name << ": " << (opened ? "" : opened.error().context);
      object = opened ? *opened : nullptr;
    }
    return object;
  }

  static Parameters parse(const std::string& query, Output& output) {
    Parameters parameters;
    std::istringstream pairs(query);
    for (std::string pair; std::getline(pairs, pair, '&');) {
      const std::string name = pair.substr(0, pair.find('='));
      const std::string argument = pair.substr(pair.find('=') + 1);
      auto taken = take_parameter(parameters, name, argument);
      EXPECT_TRUE(taken) << query;
      if (name == "RGN") {
        auto& r = output.region;
        EXPECT_EQ(std::sscanf(argument.c_str(), "%lf,%lf,%lf,%lf", &r[0], &r[1], &r[2], &r[3]), 4);
      } else if (name == "PTL" || name == "JTL" || name == "CVT") {
        output.command = name;
        output.argument = argument;
      }
    }
    return parameters;
  }

  static pixel::Rect area(const Frame& frame, const Output& output) {
    if (output.command != "CVT") {
      const auto tile =
          TileGrid{}.tile(frame, std::atoi(output.argument.substr(output.argument.find(',') + 1).c_str()));
      EXPECT_TRUE(tile);
      return tile.value_or(pixel::Rect{});
    }
    const auto part = [](std::int64_t size, double share) {
      return static_cast<std::int64_t>(static_cast<float>(static_cast<double>(size) * share));
    };
    pixel::Rect r{part(frame.width(), output.region[0]), part(frame.height(), output.region[1]),
                  part(frame.width(), output.region[2]), part(frame.height(), output.region[3])};
    r.width = std::min(r.width, frame.width() - r.x);
    r.height = std::min(r.height, frame.height() - r.y);
    return r;
  }

  pixel::Image picture(const Row& row) {
    Output output;
    const Parameters parameters = parse(row.query, output);
    const ObjectPtr object = open(row.sample);
    if (!object) {
      return {};
    }
    auto request = parameters.resolved(*object);
    EXPECT_TRUE(request) << row.id;
    const Select select = [&](const Expression& e) { return evaluate(*object, e, {}, {}); };
    auto scene = scene_of(*object, *request, select, {});
    EXPECT_TRUE(scene) << row.id << ": " << scene.error().message;
    auto image = render(*scene, area(scene->frame, output), row.type == "image/png", {});
    EXPECT_TRUE(image) << row.id << ": " << image.error().message;
    return image ? *image : pixel::Image{};
  }

  io::ScratchDir scratch_;
  std::map<std::string, ObjectPtr> objects_;
};

TEST_F(Golden, PngPicturesAreTheSamePixelForPixel) {
  const std::set<std::string> alpha_defect{"054", "055", "056"};
  int compared = 0;
  for (const Row& row : rows()) {
    if (row.type != "image/png" || alpha_defect.contains(row.id)) {
      continue;
    }
    const pixel::Image got = picture(row);
    const auto want = codec::decode_png(synthetic::read_file(synthetic::golden("responses/" + row.id + ".png")));
    ASSERT_TRUE(want) << row.id << " " << want.error().context;
    ASSERT_EQ(std::make_tuple(got.width, got.height, got.channels),
              std::make_tuple(want->width, want->height, want->channels))
        << row.id << " " << row.query;
    EXPECT_EQ(got.data, want->data) << row.id << " " << row.query;
    ++compared;
  }
  EXPECT_GE(compared, 60);
}

TEST_F(Golden, JpegPicturesAreTheSameWithinTheirQuality) {
  // 057: a background that is not 0 under values that are no bytes came out black.
  const std::set<std::string> weighing_defect{"057"};
  int compared = 0;
  for (const Row& row : rows()) {
    if (row.type != "image/jpeg" || weighing_defect.contains(row.id)) {
      continue;
    }
    const pixel::Image got = picture(row);
    codec::JpegDecodeOptions options;
    options.tolerant = true;  // the old server's whole sections lack their last bytes
    const auto want =
        codec::decode_jpeg(synthetic::read_file(synthetic::golden("responses/" + row.id + ".jpg")), options);
    ASSERT_TRUE(want) << row.id << " " << want.error().context;
    ASSERT_EQ(std::make_tuple(got.width, got.height, got.channels),
              std::make_tuple(want->width, want->height, want->channels))
        << row.id << " " << row.query;
    codec::JpegEncodeOptions encoding;
    encoding.quality = row.query.find("QLT=30") == std::string::npos ? 90 : 30;  // as it was set then
    encoding.subsampling = codec::Subsampling::s420;
    const auto packed = codec::encode_jpeg(got, encoding);
    ASSERT_TRUE(packed);
    const auto ours = codec::decode_jpeg(*packed);
    ASSERT_TRUE(ours);
    const int whole = row.query.find("CVT") == std::string::npos ? ours->height : ours->height - 16;
    double sum = 0;
    for (int y = 0; y < whole; ++y) {
      for (std::size_t i = 0; i < ours->stride; ++i) {
        sum += std::abs(ours->row(y)[i] - want->row(y)[i]);
      }
    }
    EXPECT_LT(sum / (static_cast<double>(whole) * static_cast<double>(ours->stride)), 1.2)
        << row.id << " " << row.query;
    ++compared;
  }
  EXPECT_GE(compared, 8);
}

TEST_F(Golden, ValuesThatAreNoBytesAreClampedAndOpaque) {
  for (const Row& row : rows()) {
    if (row.id != "054" && row.id != "055" && row.id != "056") {
      continue;
    }
    const pixel::Image got = picture(row);
    const ObjectPtr object = open(row.sample);
    const Member& member = *object->base();
    ASSERT_EQ(got.channels, 2);
    for (int y = 0; y < got.height; ++y) {
      for (int x = 0; x < got.width; ++x) {
        const Voxel v{member.box.x1 + x, member.box.y1 + y, 30};
        const std::uint8_t* pixel = got.row(y) + static_cast<std::ptrdiff_t>(2) * x;
        const bool inside = member.body->domain->contains(v);
        ASSERT_EQ(pixel[1], inside ? 255 : 0) << row.id;
        if (inside) {
          ASSERT_EQ(pixel[0], std::lround(std::clamp(member.body->values->at(v).number, 0.0, 255.0))) << row.id;
        }
      }
    }
  }
}

// The share of pixels that linear interpolation gives alike where all eight voxels around are inside. Woolz takes
// other voxels at some ends of lines and planes.
double same_between_voxels(const Frame& frame, const Body& body, const Body& want, const Box& box) {
  RowSampler sampler(frame, body, {static_cast<double>(box.x1), 1, static_cast<std::size_t>(box.width()), 0});
  std::vector<double> row(static_cast<std::size_t>(box.width()));
  int compared = 0;
  int same = 0;
  for (std::int64_t y = box.y1; y <= box.y2; ++y) {
    sampler.go(static_cast<double>(y));
    sampler.linear(row.data());
    for (std::int64_t x = box.x1; x <= box.x2; ++x) {
      const Vec3 p = frame.to_object({static_cast<double>(x), static_cast<double>(y), frame.distance()});
      bool inside = true;
      for (int i = 0; i < 8; ++i) {
        inside = inside && body.domain->contains({static_cast<std::int64_t>(std::floor(p.x)) + (i & 1),
                                                  static_cast<std::int64_t>(std::floor(p.y)) + (i >> 1 & 1),
                                                  static_cast<std::int64_t>(std::floor(p.z)) + (i >> 2)});
      }
      if (inside) {
        const double v = row[static_cast<std::size_t>(x - box.x1)];
        const double difference = std::abs(want.values->at({x, y, 0}).number - v);
        same += difference <= (body.grey() == Grey::uint8 ? 0.5001 : 1e-3) ? 1 : 0;
        ++compared;
      }
    }
  }
  EXPECT_GE(compared, 2000);
  return static_cast<double>(same) / compared;
}

// Sections of the Woolz library itself: id, sample, arguments, box.
TEST_F(Golden, SectionsOfWoolzAreTheSame) {
  std::ifstream in(synthetic::golden("sections/sections.tsv"));
  int compared = 0;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with('#')) {
      continue;
    }
    std::istringstream fields(line);
    std::string id;
    std::string sample;
    std::string arguments;
    std::string box_text;
    std::getline(fields, id, '\t');
    std::getline(fields, sample, '\t');
    std::getline(fields, arguments, '\t');
    std::getline(fields, box_text, '\t');
    const bool linear = arguments.find("-L") != std::string::npos;
    View view;
    std::istringstream words(arguments);
    std::array<double, 3> voxel{1, 1, 1};
    const ObjectPtr object = open(sample);
    for (std::string word; words >> word;) {
      std::string value;
      if (word == "-m") {
        words >> value;
        view.mode = value == "2" ? Mode::zeta : Mode::up_is_up;
      } else if (word == "-a") {
        words >> value;
        std::sscanf(value.c_str(), "%lf,%lf,%lf", &view.pitch, &view.yaw, &view.roll);
      } else if (word == "-f") {
        words >> value;
        std::sscanf(value.c_str(), "%lf,%lf,%lf", &view.fixed.x, &view.fixed.y, &view.fixed.z);
      } else if (word == "-d") {
        words >> view.distance;
      } else if (word == "-r") {
        words >> value;
        voxel = object->base()->voxel_size;
      } else if (word == "-s") {
        words >> view.scale;
      }
    }
    auto frame = Frame::make(view, object->base()->box, voxel);
    ASSERT_TRUE(frame);
    OpenOptions options;
    auto section = open_object(synthetic::gunzip(synthetic::golden("sections/" + id + ".wlz.gz")), options);
    ASSERT_TRUE(section) << id;
    const Member& want = (*section)->members()[0];
    Box box;
    std::istringstream(box_text) >> box.x1 >> box.y1 >> box.z1 >> box.x2 >> box.y2 >> box.z2;
    const Body& body = *object->base()->body;
    if (body.values) {  // else the box is as tight as the domain
      EXPECT_EQ(frame->left(), box.x1) << id;
      EXPECT_EQ(frame->top(), box.y1) << id;
    }
    if (linear) {
      EXPECT_GE(same_between_voxels(*frame, body, *want.body, box), 0.95) << id;
      ++compared;
      continue;
    }
    for (std::int64_t y = box.y1; y <= box.y2; ++y) {
      for (std::int64_t x = box.x1; x <= box.x2; ++x) {
        const Vec3 start = frame->row_start(static_cast<double>(x));
        const Vec3 down = frame->down();
        const auto j = static_cast<double>(y);
        const Voxel v = nearest_voxel({start.x + j * down.x, start.y + j * down.y, start.z + j * down.z});
        const Voxel flat{x, y, 0};
        const bool inside = body.domain->contains(v);
        if (!body.values) {
          ASSERT_EQ(want.body->domain->contains(flat), inside) << id << " " << x << "," << y;
          continue;
        }
        const double value = inside ? body.values->at(v).number : body.values->background().number;
        const double wanted = want.body->domain->contains(flat) ? want.body->values->at(flat).number
                                                                : want.body->values->background().number;
        ASSERT_EQ(wanted, value) << id << " " << x << "," << y;
      }
    }
    ++compared;
  }
  EXPECT_GE(compared, 12);
}

TEST_F(Golden, WritingAnObjectAgainGivesTheSameBytes) {
  int compared = 0;
  for (const auto& entry : std::filesystem::directory_iterator(synthetic::golden("samples"))) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("g3_") || !name.ends_with(".wlz.gz") || name.starts_with("g3_tiled")) {
      continue;
    }
    const Bytes bytes = synthetic::gunzip(entry.path().string());
    const ObjectPtr object = open(name.substr(0, name.size() - 3));
    const Member& member = *object->base();
    VolumeDescription d;
    d.box = member.box;
    d.voxel_size = member.voxel_size;
    d.grey = member.body->grey();
    d.background = member.body->values->background();
    const auto value = [&](std::int64_t x, std::int64_t y, std::int64_t z) {
      const GreyValue v = member.body->values->at({x, y, z});
      return d.grey == Grey::rgba ? static_cast<double>(v.rgba) : v.number;
    };
    const auto inside = [&](std::int64_t x, std::int64_t y, std::int64_t z) {
      return member.body->domain->contains({x, y, z});
    };
    synthetic::Maker maker;
    maker.volume(d, value, inside);
    EXPECT_EQ(maker.bytes().size(), bytes.size()) << name;
    const auto differ = std::mismatch(bytes.begin(), bytes.end(), maker.bytes().begin(), maker.bytes().end());
    EXPECT_TRUE(differ.first == bytes.end()) << name << " at " << differ.first - bytes.begin();
    ++compared;
  }
  EXPECT_GE(compared, 7);
}

}  // namespace
}  // namespace microtome::woolz
