// SPDX-License-Identifier: Apache-2.0
// Visit: one request from its head to its last byte: which settings hold for it, what its URL means, who answers, and
// what is added to the answer. Loop thread only.
//
// The order, as in lighttpd: forwarded headers, conditions, rewrite (and conditions again), redirect, access,
// authentication, status pages, proxies and apps that need no file, document root and aliases, the file with index
// files and path info, apps that want a file, the file itself or a listing, error handlers and error pages.
#pragma once

#include <chrono>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/answer_buffer.hpp"
#include "host/context.hpp"
#include "host/deflate.hpp"
#include "host/password.hpp"
#include "host/proxy.hpp"
#include "host/proxy_headers.hpp"
#include "host/stream.hpp"
#include "host/upstream.hpp"
#include "http/message.hpp"
#include "io/file.hpp"

namespace microtome::host {

// Seconds since 1970.
[[nodiscard]] std::int64_t now_seconds();

class Visit final : public StreamUser, public AnswerSink, public std::enable_shared_from_this<Visit> {
 public:
  Visit(ContextPtr context, std::shared_ptr<Stream> stream);
  ~Visit() override;
  // Answers, or begins to. Once.
  void start();

  void body_arrived() override;
  void drained() override;
  void client_gone() override;
  void finished(bool whole, std::uint64_t sent) override;

  Stream& stream() override { return *stream_; }
  bool upstream_head(CgiHead head) override;
  void upstream_body(std::string_view bytes) override;
  bool full() override;
  void upstream_end() override;
  void upstream_cut() override;
  void upstream_failed(int status, const std::string& reason) override;
  void commit() override;

 private:
  // The phases return true when the request is answered, or somebody works at it.
  bool run();
  bool begin_url();  // decodes, chooses settings
  bool choose_settings();
  bool check_target();
  bool apply_forwarded();
  void apply_forwarded_field();
  [[nodiscard]] bool is_trusted(std::string_view address) const;
  bool restore_mount();
  bool rewrite();
  bool rewrite_by(const Rules& rules, bool repeat, bool& changed);
  bool redirect();
  bool access();
  bool authenticate();
  bool authenticate_digest(const AuthRule& rule);
  bool check_by_digest(const AuthRule& rule, const Credentials& credentials);
  [[nodiscard]] bool may_enter(const AuthRule& rule, const std::string& user) const;
  [[nodiscard]] Result<std::string> stored_digest(const std::string& user, const std::string& realm,
                                                  DigestKind kind) const;
  bool check_password(const std::string& password, const std::string& stored);
  bool status_pages();
  bool upstream_by_url();
  bool upstream_by_file();
  bool find_file();
  bool map_to_file();
  void document_root();
  bool user_directory(bool& found);
  void redirect_to_directory();
  [[nodiscard]] std::string type_of(const io::File& file) const;
  bool stat_file();
  bool index_file();
  bool split_path_info();
  bool rewrite_if_not_file();
  bool serve_file();
  bool set_target(std::string_view target);
  [[nodiscard]] std::string target_now() const;
  [[nodiscard]] std::string proxied_target() const;

  const AppRoute* find_route(const RoutesPtr& routes, const PairsPtr& mapped_ends, std::string_view path,
                             Role role) const;
  bool start_by(std::string_view path, bool by_file);
  bool start_app(const AppRoute& route, Role role, bool by_file);
  bool start_proxy(const AppRoute& route);
  bool start_scgi(const AppRoute& route, bool by_file);
  [[nodiscard]] ProxyRequest proxy_request(const AppRoute& route, std::string_view balance);
  void name_script(const AppRoute& route, bool by_file);
  void add_environment();
  [[nodiscard]] std::string script_variables(const AppRoute& route, const App& app,
                                             std::optional<std::uint64_t> length) const;
  [[nodiscard]] const AppSpec& entry_of(const AppRoute& route, const App& app) const;
  [[nodiscard]] std::string proxied_head(const AppSpec& app, bool upgrade, std::optional<std::uint64_t> length) const;
  [[nodiscard]] std::string forwarded_field() const;
  std::vector<std::shared_ptr<App>> choose_apps(const AppRoute& route, Role role, std::string_view balance);
  bool send_named_file(const CgiHead& head);
  void send_named_parts(const CgiHead& head);
  [[nodiscard]] std::expected<io::FilePtr, int> file_for_app(const std::string& path) const;

  void pass_on(std::string_view bytes);
  void cannot_keep(const AnswerBuffer& buffer, const Error& error);
  void answer(http::Response response);
  void answer_with(http::Response& response, io::FilePtr file, std::string_view type);
  // Answers; of an error (412, 416) with the page of that status as its body.
  void answer_or_page(http::Response response);
  [[nodiscard]] Coding coding_for(http::Response& response, std::optional<std::uint64_t> size) const;
  bool compress_whole(http::Response& response);
  void compress_stream(http::Response& response, std::optional<std::uint64_t>& length);
  void error(int status);  // error handler, error page
  bool error_handler(int status);
  void decorate(http::Response& response);
  void add_expiry(http::Response& response);
  void log_handling(std::string_view what) const;
  [[nodiscard]] RewriteSubject rewrite_subject(const Rules& rules) const;
  [[nodiscard]] std::string server_name() const;
  [[nodiscard]] std::string_view tag() const;
  [[nodiscard]] http::Response error_page(int status) const;

  ContextPtr context_;
  std::shared_ptr<Stream> stream_;
  http::Request request_;
  std::string original_target_;
  std::string protocol_;
  Outcome outcome_;
  SettingsPtr settings_;
  std::chrono::steady_clock::time_point began_;

  std::string url_;   // decoded path
  std::string host_;  // lower case, without the default port
  std::string remote_user_;
  std::string auth_type_ = "Basic";
  std::string challenge_;  // WWW-Authenticate of a 401
  Pairs environment_;
  bool prepared_ = false;
  bool trusted_peer_ = false;
  bool authenticated_ = false;
  bool gone_ = false;  // the client
  bool rewritten_ = false;
  bool rewrote_once_ = false;
  int rewrites_ = 0;

  std::string root_;       // document root after virtual hosts and aliases
  std::string file_path_;  // what the URL means in the file system
  io::FileId file_id_;     // of the last file that was found on the way there
  std::string script_name_;
  std::string path_info_;
  enum class Found { nothing, file, directory, forbidden } found_ = Found::nothing;

  std::shared_ptr<Upstream> upstream_;
  std::unique_ptr<ProxyMapping> mapping_;  // of a proxied request
  std::unique_ptr<Deflater> deflater_;     // of an answer that passes through
  std::unique_ptr<AnswerBuffer> kept_;     // what of it the client has not taken
  std::shared_ptr<Upstream> given_up_;     // its answer is not wanted any more: told so at commit()
  bool ignoring_ = false;                  // what it still says
  bool authorizing_ = false;
  bool authorized_ = false;
  const AppSpec* app_ = nullptr;

  int error_status_ = 0;  // the error that an error handler answers for
  bool keep_error_status_ = false;
  bool in_error_handler_ = false;
  int status_ = 0;
  http::Headers sent_headers_;  // for the access log
  bool go_on_ = false;          // the authorizer has agreed: the pipeline continues at commit()
};

}  // namespace microtome::host
