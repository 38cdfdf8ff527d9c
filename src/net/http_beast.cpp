// SPDX-License-Identifier: Apache-2.0
// The one translation unit that sees Beast.
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <utility>

#include "http/text.hpp"
#include "net/http_head.hpp"

namespace microtome::net {
namespace {

constexpr std::size_t kMaxChunkExtension = 1000;  // nobody uses them but to hide something

namespace beast = boost::beast;
using beast::error_code;
using BeastHttp = beast::http::error;

Refusal refusal_of(const error_code& error) {
  if (error == BeastHttp::header_limit || error == BeastHttp::buffer_overflow) {
    return {431, "header too large"};
  }
  if (error == BeastHttp::body_limit) {
    return {413, "body too large"};
  }
  if (error == BeastHttp::bad_method) {
    return {400, "bad method"};
  }
  if (error == BeastHttp::bad_target) {
    return {400, "bad request target"};
  }
  if (error == BeastHttp::bad_chunk || error == BeastHttp::bad_chunk_extension) {
    return {400, "bad chunk"};
  }
  return {400, "bad request"};
}

// Receives what the parser finds. All that a request needs lands where it stays; nothing is stored in between.
class Parser : public beast::http::basic_parser<true> {
 public:
  RawHead head;
  std::string* body = nullptr;
  bool in_body = false;

 private:
  void on_request_impl(beast::http::verb /*verb*/, beast::string_view method, beast::string_view target, int version,
                       error_code& error) override {
    if (version != 10 && version != 11) {
      error = BeastHttp::bad_version;
    }
    head.method.assign(method.data(), method.size());
    head.target = {target.data(), target.size()};
    head.headers.reserve(12);
    head.version = version;
  }
  void on_response_impl(int /*code*/, beast::string_view /*reason*/, int /*version*/, error_code& error) override {
    error = BeastHttp::bad_status;
  }
  void on_field_impl(beast::http::field /*field*/, beast::string_view name, beast::string_view value,
                     error_code& error) override {
    if (in_body) {  // a trailer; the lines of a head were checked before
      if (!http::is_token({name.data(), name.size()}) || !http::is_field_value({value.data(), value.size()})) {
        error = BeastHttp::bad_field;
      }
    } else {
      head.headers.add(std::string(name.data(), name.size()), std::string(value.data(), value.size()));
    }
  }
  void on_header_impl(error_code& /*error*/) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>& /*length*/, error_code& /*error*/) override {}
  std::size_t on_body_impl(beast::string_view bytes, error_code& /*error*/) override {
    body->append(bytes.data(), bytes.size());
    return bytes.size();
  }
  void on_chunk_header_impl(std::uint64_t /*size*/, beast::string_view extensions, error_code& error) override {
    if (extensions.size() > kMaxChunkExtension) {
      error = BeastHttp::bad_chunk_extension;
    }
  }
  std::size_t on_chunk_body_impl(std::uint64_t /*remain*/, beast::string_view bytes, error_code& /*error*/) override {
    body->append(bytes.data(), bytes.size());
    return bytes.size();
  }
  void on_finish_impl(error_code& /*error*/) override {}
};

}  // namespace

std::expected<RawHead, Refusal> parse_raw_head(std::string_view bytes, const HeadLimits& limits) {
  Parser parser;
  parser.header_limit(static_cast<std::uint32_t>(limits.max_header + 1));
  parser.body_limit(boost::none);  // the connection decides, by name
  error_code error;
  parser.put(boost::asio::buffer(bytes.data(), bytes.size()), error);
  if (error && error != BeastHttp::need_more) {
    return std::unexpected(refusal_of(error));
  }
  if (!parser.is_header_done()) {
    return std::unexpected(Refusal{400, "bad request"});
  }
  return std::move(parser.head);
}

struct ChunkedReader::Parser : net::Parser {
  std::size_t max_line = 0;
};

ChunkedReader::ChunkedReader(std::uint64_t max_body, std::size_t max_trailer) : parser_(std::make_unique<Parser>()) {
  // Beast begins with a head; the real one has been judged already.
  static constexpr std::string_view kHead = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
  parser_->max_line = max_trailer;
  parser_->body_limit(max_body);
  parser_->header_limit(static_cast<std::uint32_t>(max_trailer));
  parser_->eager(true);
  error_code error;
  std::string nothing;
  parser_->body = &nothing;
  parser_->put(boost::asio::buffer(kHead.data(), kHead.size()), error);
  parser_->body = nullptr;
  parser_->in_body = true;
}

ChunkedReader::~ChunkedReader() = default;
ChunkedReader::ChunkedReader(ChunkedReader&&) noexcept = default;

std::expected<std::size_t, Refusal> ChunkedReader::feed(std::string_view bytes, std::string& body) {
  parser_->body = &body;
  constexpr std::size_t kLeast = 5;
  std::size_t used = 0;
  error_code error;
  // Fewer than 5 bytes never end a body, and Beast 1.81 asserts that its last chunk ("0", CRLF, CRLF) has as many.
  while (bytes.size() - used >= kLeast && !parser_->is_done()) {
    const std::size_t step = parser_->put(boost::asio::buffer(bytes.data() + used, bytes.size() - used), error);
    used += step;
    if (error == BeastHttp::need_more) {
      break;
    }
    if (error) {
      return std::unexpected(refusal_of(error));
    }
    if (step == 0) {
      break;
    }
  }
  parser_->body = nullptr;
  if (bytes.size() - used > parser_->max_line) {
    return std::unexpected(Refusal{400, "bad chunk"});
  }
  return used;
}

bool ChunkedReader::done() const {
  return parser_->is_done();
}

}  // namespace microtome::net
