// SPDX-License-Identifier: Apache-2.0
#include "host/regex.hpp"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <utility>

namespace microtome::host {
namespace {

constexpr std::uint32_t kMaxSteps = 200'000;
constexpr std::uint32_t kMaxDepth = 5'000;

struct FreeMatch {
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
};
struct FreeContext {
  void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
};

}  // namespace

struct Regex::Code {
  pcre2_code* code = nullptr;
  std::unique_ptr<pcre2_match_context, FreeContext> limits;
  ~Code() { pcre2_code_free(code); }
};

Regex::Regex(std::unique_ptr<Code> code) : code_(std::move(code)) {}
Regex::~Regex() = default;

std::shared_ptr<const Regex> Regex::compile(std::string_view pattern, Fault& fault) {
  int number = 0;
  PCRE2_SIZE offset = 0;
  auto code = std::make_unique<Code>();
  code->code =
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(), 0, &number, &offset, nullptr);
  if (code->code == nullptr) {
    PCRE2_UCHAR text[200];
    pcre2_get_error_message(number, text, sizeof text);
    fault = {reinterpret_cast<const char*>(text), offset};
    return nullptr;
  }
  (void)pcre2_jit_compile(code->code, PCRE2_JIT_COMPLETE);  // without it the interpreter does the same, slower
  code->limits.reset(pcre2_match_context_create(nullptr));
  if (code->limits) {
    pcre2_set_match_limit(code->limits.get(), kMaxSteps);
    pcre2_set_depth_limit(code->limits.get(), kMaxDepth);
  }
  return std::shared_ptr<const Regex>(new Regex(std::move(code)));
}

bool Regex::match(std::string_view subject, Captures* captures) const {
  const std::unique_ptr<pcre2_match_data, FreeMatch> data(pcre2_match_data_create_from_pattern(code_->code, nullptr));
  if (!data) {
    return false;
  }
  const int groups = pcre2_match(code_->code, reinterpret_cast<PCRE2_SPTR>(subject.data()), subject.size(), 0, 0,
                                 data.get(), code_->limits.get());
  if (groups <= 0) {
    return false;
  }
  if (captures != nullptr) {
    captures->clear();
    const PCRE2_SIZE* ends = pcre2_get_ovector_pointer(data.get());
    for (int i = 0; i < groups; ++i) {
      const PCRE2_SIZE from = ends[2 * i];
      const PCRE2_SIZE to = ends[2 * i + 1];
      captures->emplace_back(from != PCRE2_UNSET && from <= to ? subject.substr(from, to - from)
                                                               : std::string_view{});
    }
  }
  return true;
}

}  // namespace microtome::host
