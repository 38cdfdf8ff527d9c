// SPDX-License-Identifier: Apache-2.0
// What nghttp2 calls. Nothing here calls users: it only notes what H2Session::dispatch() will tell them. Part of
// h2_session.
#pragma once

#include <nghttp2/nghttp2.h>

#include "host/h2_session.hpp"

namespace microtome::host {

struct H2Session::Callbacks {
  static void fill(nghttp2_session_callbacks* callbacks);
  static int begin_frame(nghttp2_session* session, const nghttp2_frame_hd* head, void* self);
  static int begin_headers(nghttp2_session* session, const nghttp2_frame* frame, void* self);
  static int header(nghttp2_session* session, const nghttp2_frame* frame, const std::uint8_t* name,
                    std::size_t name_size, const std::uint8_t* value, std::size_t value_size, std::uint8_t flags,
                    void* self);
  static int frame(nghttp2_session* session, const nghttp2_frame* frame, void* self);
  static int data(nghttp2_session* session, std::uint8_t flags, std::int32_t id, const std::uint8_t* bytes,
                  std::size_t size, void* self);
  static int sent(nghttp2_session* session, const nghttp2_frame* frame, void* self);
  static int closed(nghttp2_session* session, std::int32_t id, std::uint32_t error, void* self);
  // Fills DATA frames from a stream's queue.
  static ssize_t read(nghttp2_session* session, std::int32_t id, std::uint8_t* to, std::size_t size,
                      std::uint32_t* flags, nghttp2_data_source* source, void* self);
};

}  // namespace microtome::host
