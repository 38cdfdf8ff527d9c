// SPDX-License-Identifier: Apache-2.0
#include "host/mount.hpp"

#include <gtest/gtest.h>

namespace microtome::host {
namespace {

std::string mount(std::string_view name, std::string_view value, std::string_view path) {
  http::Headers headers;
  headers.add(std::string(name), std::string(value));
  return mount_from_headers(headers, {std::string(name)}, path);
}

TEST(Mount, ComesFromAPrefix) {
  EXPECT_EQ(mount("X-Forwarded-Prefix", "/cgi-bin/a.fcgi", "/x"), "/cgi-bin/a.fcgi");
  EXPECT_EQ(mount("X-Forwarded-Prefix", "/app/", "/x"), "/app");
  for (const char* bad : {"app", "/a//b", "/a/../b", "/a b", "/a\"b", "https://x/", ""}) {
    EXPECT_EQ(mount("X-Forwarded-Prefix", bad, "/x"), "") << bad;
  }
}

TEST(Mount, ComesFromTheWholeAddress) {
  EXPECT_EQ(mount("X-Original-URI", "/cgi-bin/a.fcgi/x/y?q", "/x/y"), "/cgi-bin/a.fcgi");
  EXPECT_EQ(mount("x-original-uri", "/cgi-bin/a.fcgi?q", "/"), "/cgi-bin/a.fcgi");
  EXPECT_EQ(mount("X-Original-URI", "/other", "/x"), "");
  EXPECT_EQ(mount("X-Original-URI", "/x", "/x"), "");
}

TEST(Mount, IsPutInFrontOnce) {
  EXPECT_EQ(public_path("/cgi-bin/a.fcgi", "/"), "/cgi-bin/a.fcgi");
  EXPECT_EQ(public_path("/cgi-bin/a.fcgi", "/cgi-bin/a.fcgi/x"), "/cgi-bin/a.fcgi/x");
  EXPECT_EQ(public_path("/cgi-bin/a.fcgi", "/cgi-bin/a.fcgix"), "/cgi-bin/a.fcgi/cgi-bin/a.fcgix");
  EXPECT_EQ(public_path("/app/", "/"), "/app/");
  EXPECT_EQ(public_path("/app", "/app"), "/app");
  EXPECT_EQ(public_path("", "/x"), "/x");
}

TEST(ObjectOf, IsThePictureWhateverPartIsAskedFor) {
  EXPECT_EQ(object_of("/", "FIF=a/b.tif&JTL=1,2"), "a/b.tif");
  EXPECT_EQ(object_of("/", "wlz=o.wlz&fif=other"), "o.wlz");
  EXPECT_EQ(object_of("/", "DeepZoom=a.dzi"), object_of("/", "DeepZoom=a_files/3/1_2.jpg"));
  EXPECT_EQ(object_of("/", "Zoomify=a/ImageProperties.xml"), object_of("/", "Zoomify=a/TileGroup0/1-0-0.jpg"));
  EXPECT_EQ(object_of("/iiif/2/a/info.json", ""), object_of("/iiif/2/a/full/max/0/default.jpg", ""));
  EXPECT_EQ(object_of("/pictures/of/all/kinds/a.jpg", ""), "/pictures/of/all/kinds/a.jpg");
}

}  // namespace
}  // namespace microtome::host
