// SPDX-License-Identifier: Apache-2.0
#include "protocol/params.hpp"

#include <algorithm>

#include "http/text.hpp"
#include "http/uri.hpp"
#include "protocol/numbers.hpp"

namespace microtome::protocol {
namespace {

constexpr std::size_t kMostParams = 100;

std::unexpected<Error> out_of_range(std::string_view name) {
  return fail(Code::bad_request, "parameter " + std::string(name) + " is not a number in its range");
}

}  // namespace

Result<Params> Params::parse(std::string_view query) {
  Params params;
  for (const http::QueryItem& item : http::split_query(query)) {
    auto name = http::percent_decode(item.name, http::Plus::space);
    auto value = http::percent_decode(item.value, http::Plus::space);
    if (!name || !value) {
      return fail(Code::bad_request, "the query is not well encoded");
    }
    if (params.list_.size() >= kMostParams) {
      return fail(Code::bad_request, "too many parameters");
    }
    params.list_.emplace_back(std::move(*name), std::move(*value));
  }
  return params;
}

bool Params::has(std::string_view name) const {
  return std::ranges::any_of(list_, [&](const auto& item) { return item.first == name; });
}

std::string_view Params::get(std::string_view name) const {
  const auto at = std::ranges::find_if(list_, [&](const auto& item) { return item.first == name; });
  return at == list_.end() ? std::string_view{} : std::string_view(at->second);
}

Result<std::optional<std::int64_t>> Params::whole(std::string_view name, std::int64_t least,
                                                  std::int64_t most) const {
  if (!has(name)) {
    return std::nullopt;
  }
  const auto value = parse_int(get(name));
  if (!value || *value < least || *value > most) {
    return out_of_range(name);
  }
  return value;
}

Result<std::optional<double>> Params::real(std::string_view name, double least, double most) const {
  if (!has(name)) {
    return std::nullopt;
  }
  const auto value = parse_real(get(name));
  if (!value || *value < least || *value > most) {
    return out_of_range(name);
  }
  return value;
}

Result<codec::Format> Params::format(std::string_view name, codec::Format fallback) const {
  if (!has(name)) {
    return fallback;
  }
  const auto format = format_of(get(name));
  if (!format) {
    return fail(Code::bad_request, "format is jpg, png, webp, avif or tif");
  }
  return *format;
}

std::optional<codec::Format> format_of(std::string_view extension) {
  if (http::equal_no_case(extension, "jpg") || http::equal_no_case(extension, "jpeg")) {
    return codec::Format::jpeg;
  }
  if (http::equal_no_case(extension, "png")) {
    return codec::Format::png;
  }
  if (http::equal_no_case(extension, "webp")) {
    return codec::Format::webp;
  }
  if (http::equal_no_case(extension, "avif")) {
    return codec::Format::avif;
  }
  if (http::equal_no_case(extension, "tif") || http::equal_no_case(extension, "tiff")) {
    return codec::Format::tiff;
  }
  return std::nullopt;
}

}  // namespace microtome::protocol
