// SPDX-License-Identifier: Apache-2.0
#include "net/fcgi_records.hpp"

#include <algorithm>
#include <cstring>

namespace microtome::net::fcgi {
namespace {

constexpr std::uint8_t kVersion = 1;

std::uint16_t read_16(const std::uint8_t* bytes) {
  return static_cast<std::uint16_t>(bytes[0] << 8 | bytes[1]);
}

std::uint32_t read_32(const std::uint8_t* bytes) {
  return static_cast<std::uint32_t>(bytes[0]) << 24 | static_cast<std::uint32_t>(bytes[1]) << 16 |
         static_cast<std::uint32_t>(bytes[2]) << 8 | bytes[3];
}

char byte_of(std::size_t value, int shift) {
  return static_cast<char>(value >> shift & 0xff);
}

// A length of one or four bytes; false when they are not all there.
bool read_length(ByteView& content, std::size_t& length) {
  if (content.empty()) {
    return false;
  }
  if (content[0] < 0x80) {
    length = content[0];
    content = content.subspan(1);
    return true;
  }
  if (content.size() < 4) {
    return false;
  }
  length = read_32(content.data()) & 0x7fffffffU;
  content = content.subspan(4);
  return true;
}

void append_length(std::string& out, std::size_t length) {
  if (length < 0x80) {
    out.push_back(static_cast<char>(length));
    return;
  }
  out.push_back(static_cast<char>(0x80 | (length >> 24 & 0x7f)));
  out.push_back(byte_of(length, 16));
  out.push_back(byte_of(length, 8));
  out.push_back(byte_of(length, 0));
}

}  // namespace

bool RecordReader::take_header(ByteView& bytes) {
  const std::size_t skipped = std::min(padding_, bytes.size());
  padding_ -= skipped;
  bytes = bytes.subspan(skipped);
  const std::size_t step = std::min(kHeaderSize - have_, bytes.size());
  std::copy_n(bytes.data(), step, raw_ + have_);
  have_ += step;
  bytes = bytes.subspan(step);
  if (have_ < kHeaderSize) {
    return false;
  }
  have_ = 0;
  header_ = {static_cast<Type>(raw_[1]), read_16(raw_ + 2), read_16(raw_ + 4), raw_[6]};
  left_ = header_.length;
  whole_.clear();
  state_ = State::content;
  return true;
}

RecordReader::Next RecordReader::next(ByteView& bytes, Piece& piece) {
  if (state_ == State::header) {
    if (!take_header(bytes)) {
      // Said early: a peer that speaks something else must not be waited for.
      return have_ > 0 && raw_[0] != kVersion ? Next::bad : Next::more;
    }
    if (raw_[0] != kVersion) {
      return Next::bad;
    }
  }
  if (left_ > 0 && bytes.empty()) {
    return Next::more;
  }
  const std::size_t step = std::min(left_, bytes.size());
  ByteView content = bytes.first(step);
  bytes = bytes.subspan(step);
  left_ -= step;
  if (!is_stream(header_.type) && (left_ > 0 || !whole_.empty())) {
    whole_.insert(whole_.end(), content.begin(), content.end());
    if (left_ > 0) {
      return Next::more;
    }
    content = whole_;
  }
  piece = {header_, content, left_ == 0};
  if (left_ == 0) {
    state_ = State::header;
    padding_ = header_.padding;
  }
  return Next::piece;
}

std::optional<BeginRequest> read_begin_request(ByteView content) {
  if (content.size() < 8) {
    return std::nullopt;
  }
  return BeginRequest{read_16(content.data()), content[2]};
}

std::optional<EndRequest> read_end_request(ByteView content) {
  if (content.size() < 8) {
    return std::nullopt;
  }
  return EndRequest{read_32(content.data()), static_cast<ProtocolStatus>(content[4])};
}

bool read_pairs(ByteView content, const TakePair& take, std::size_t max_pairs) {
  while (!content.empty()) {
    std::size_t name = 0;
    std::size_t value = 0;
    if (max_pairs-- == 0 || !read_length(content, name) || !read_length(content, value) || name > content.size() ||
        value > content.size() - name) {
      return false;
    }
    if (!take(as_text(content.first(name)), as_text(content.subspan(name, value)))) {
      return false;
    }
    content = content.subspan(name + value);
  }
  return true;
}

void append_header(std::string& out, Type type, std::uint16_t id, std::size_t length, std::size_t padding) {
  const char header[kHeaderSize] = {static_cast<char>(kVersion),
                                    static_cast<char>(type),
                                    byte_of(id, 8),
                                    byte_of(id, 0),
                                    byte_of(length, 8),
                                    byte_of(length, 0),
                                    static_cast<char>(padding),
                                    0};
  out.append(header, sizeof header);
}

void append_record(std::string& out, Type type, std::uint16_t id, std::string_view content) {
  content = content.substr(0, kMaxContent);
  append_header(out, type, id, content.size());
  out.append(content);
}

void append_stream(std::string& out, Type type, std::uint16_t id, std::string_view content) {
  while (!content.empty()) {
    const std::size_t step = std::min(content.size(), kMaxContent);
    append_record(out, type, id, content.substr(0, step));
    content.remove_prefix(step);
  }
}

void append_begin_request(std::string& out, std::uint16_t id, Role role, std::uint8_t flags) {
  const auto number = static_cast<std::uint16_t>(role);
  const char body[8] = {byte_of(number, 8), byte_of(number, 0), static_cast<char>(flags), 0, 0, 0, 0, 0};
  append_record(out, Type::begin_request, id, {body, sizeof body});
}

void append_end_request(std::string& out, std::uint16_t id, std::uint32_t app_status, ProtocolStatus status) {
  const char body[8] = {byte_of(app_status, 24),
                        byte_of(app_status, 16),
                        byte_of(app_status, 8),
                        byte_of(app_status, 0),
                        static_cast<char>(status),
                        0,
                        0,
                        0};
  append_record(out, Type::end_request, id, {body, sizeof body});
}

void append_unknown_type(std::string& out, Type type) {
  const char body[8] = {static_cast<char>(type), 0, 0, 0, 0, 0, 0, 0};
  append_record(out, Type::unknown_type, 0, {body, sizeof body});
}

void append_pair(std::string& out, std::string_view name, std::string_view value) {
  append_length(out, name.size());
  append_length(out, value.size());
  out.append(name);
  out.append(value);
}

}  // namespace microtome::net::fcgi
