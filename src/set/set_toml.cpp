// SPDX-License-Identifier: Apache-2.0
// Header-only and without exceptions: the packaged library is built with them.
#ifdef TOML_HEADER_ONLY
#undef TOML_HEADER_ONLY
#endif
#ifdef TOML_SHARED_LIB
#undef TOML_SHARED_LIB
#endif
#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#include "set/set_toml.hpp"

#include <toml++/toml.h>

#include <cmath>

namespace microtome::set {
namespace {

constexpr std::size_t kMostWarnings = 50;
constexpr double kFar = 1e12;
constexpr std::int64_t kMostNumber = 999'999'999'999'999'999;

class Reader {
 public:
  explicit Reader(SetToml& out) : out_(out) {}

  void read(const toml::table& root) {
    for (const auto& [key, value] : root) {
      const std::string_view name = key.str();
      if (name == "name") {
        if (text(value, name, out_.name) && !is_set_name(out_.name)) {
          warn(value, "name cannot be used in a link");
          out_.name.clear();
        }
      } else if (name == "title") {
        text(value, name, out_.title);
      } else if (name == "pixel_size_um") {
        positive(value, name, out_.pixel_size_um);
      } else if (name == "spacing_um") {
        positive(value, name, out_.spacing_um);
      } else if (name == "step") {
        whole(value, name, out_.step);
      } else if (name == "slice") {
        slices(value);
      } else {
        warn(key.source().begin.line, "unknown key \"" + std::string(name) + "\"");
      }
    }
  }

  void warn(std::uint32_t line, const std::string& what) {
    if (out_.warnings.size() < kMostWarnings) {
      out_.warnings.push_back("set.toml:" + std::to_string(line) + ": " + what);
    }
  }

 private:
  void warn(const toml::node& node, const std::string& what) { warn(node.source().begin.line, what); }

  bool text(const toml::node& node, std::string_view name, std::string& out) {
    const auto value = node.value_exact<std::string>();
    if (!value) {
      warn(node, std::string(name) + " needs a text in quotes");
      return false;
    }
    out = *value;
    return true;
  }

  bool real(const toml::node& node, std::string_view name, std::optional<double>& out) {
    const auto value = node.is_number() ? node.value<double>() : std::nullopt;
    if (!value || !std::isfinite(*value) || std::abs(*value) > kFar) {
      warn(node, std::string(name) + " needs a number");
      return false;
    }
    out = *value;
    return true;
  }

  void positive(const toml::node& node, std::string_view name, std::optional<double>& out) {
    if (real(node, name, out) && *out <= 0) {
      out.reset();
      warn(node, std::string(name) + " needs a number above 0");
    }
  }

  void whole(const toml::node& node, std::string_view name, std::optional<std::int64_t>& out) {
    const auto value = node.value_exact<std::int64_t>();
    if (!value || *value < 0 || *value > kMostNumber) {
      warn(node, std::string(name) + " needs a whole number");
      return;
    }
    out = *value;
  }

  void slices(const toml::node& node) {
    const toml::array* array = node.as_array();
    if (array == nullptr) {
      warn(node, "slices are written as [[slice]]");
      return;
    }
    for (const toml::node& item : *array) {
      const toml::table* table = item.as_table();
      if (table == nullptr) {
        warn(item, "slices are written as [[slice]]");
        continue;
      }
      TomlSlice slice = read_slice(*table, item.source().begin.line);
      if (!slice.number && slice.file.empty()) {
        warn(item, "a slice needs a number or a file");
        continue;
      }
      out_.slices.push_back(std::move(slice));
    }
  }

  TomlSlice read_slice(const toml::table& table, std::uint32_t line) {
    TomlSlice slice;
    slice.line = line;
    for (const auto& [key, value] : table) {
      const std::string_view name = key.str();
      if (name == "number") {
        whole(value, name, slice.number);
      } else if (name == "file") {
        text(value, name, slice.file);
      } else if (name == "name") {
        text(value, name, slice.name);
      } else if (name == "z_um") {
        real(value, name, slice.z_um);
      } else if (name == "transform") {
        transform(value, slice.transform);
      } else if (name == "status") {
        status(value, slice.status);
      } else {
        warn(key.source().begin.line, "unknown key \"" + std::string(name) + "\"");
      }
    }
    return slice;
  }

  void transform(const toml::node& node, std::optional<Affine>& out) {
    const toml::array* array = node.as_array();
    Affine affine{};
    if (array == nullptr || array->size() != affine.size()) {
      warn(node, "transform needs six numbers");
      return;
    }
    for (std::size_t i = 0; i < affine.size(); ++i) {
      std::optional<double> value;
      if (!real(*array->get(i), "transform", value)) {
        return;
      }
      affine[i] = *value;
    }
    const double area = affine[0] * affine[4] - affine[1] * affine[3];
    if (!std::isfinite(area) || std::abs(area) < 1e-12) {
      warn(node, "transform squeezes the slice to a line");
      return;
    }
    out = affine;
  }

  void status(const toml::node& node, std::optional<Status>& out) {
    const auto value = node.value_exact<std::string>();
    if (value == "ok") {
      out = Status::ok;
    } else if (value == "damaged") {
      out = Status::damaged;
    } else if (value == "missing") {
      out = Status::missing;
    } else {
      warn(node, "status is \"ok\", \"damaged\" or \"missing\"");
    }
  }

  SetToml& out_;
};

}  // namespace

bool is_set_name(std::string_view name) {
  constexpr std::size_t kMost = 200;
  if (name.empty() || name.size() > kMost) {
    return false;
  }
  for (const char c : name) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      return false;
    }
  }
  while (true) {
    const std::size_t slash = name.find('/');
    const std::string_view part = name.substr(0, slash);
    if (part.empty() || part == "." || part == "..") {
      return false;
    }
    if (slash == std::string_view::npos) {
      return true;
    }
    name.remove_prefix(slash + 1);
  }
}

SetToml parse_set_toml(std::string_view text) {
  SetToml out;
  Reader reader(out);
  if (text.size() > kMostTomlBytes) {
    reader.warn(1, "the file is too large");
    return out;
  }
  const toml::parse_result result = toml::parse(text);
  if (!result) {
    const toml::parse_error& error = result.error();
    reader.warn(error.source().begin.line, std::string(error.description()));
    return out;
  }
  reader.read(result.table());
  return out;
}

}  // namespace microtome::set
