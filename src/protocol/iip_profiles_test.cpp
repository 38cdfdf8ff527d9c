// SPDX-License-Identifier: Apache-2.0
// SPECTRA, PFL and stacks.
#include <gmock/gmock.h>

#include "protocol/testing.hpp"

namespace microtome::protocol {
namespace {

using testing::HasSubstr;

class ProfileTest : public ServiceTest {
 protected:
  ProfileTest() {
    dir.write("a.tif", "700x500 128");
    for (const char* name : {"seq_pyr_7_90.tif", "seq_pyr_0010_090.tif", "seq_pyr_12345_0090.tif"}) {
      dir.write(std::string("s/") + name, "300x200 128");
    }
  }
};

TEST_F(ProfileTest, GivesStoredValuesAlongALine) {
  const http::Response row = get("/?FIF=a.tif&PFL=3:10,20-12,20");
  EXPECT_EQ(row.status, 200);
  EXPECT_EQ(row.headers.get("Content-Type"), "application/json");
  EXPECT_NE(row.headers.get("Last-Modified"), "");
  const std::string text_of_row = body_of(row);
  EXPECT_EQ(std::ranges::count(text_of_row, ','), 5) << "two pixels of three channels: " << text_of_row;
  EXPECT_THAT(text_of_row, testing::StartsWith("{\n\t\"profile\": ["));
  EXPECT_EQ(text("/?FIF=a.tif&PFL=3:12,20-10,20"), text_of_row) << "either way round";
  EXPECT_EQ(text("/?FIF=a.tif&INV&CNT=2&PFL=3:10,20-12,20"), text_of_row) << "modifiers change no stored value";
  const std::string column = text("/?FIF=a.tif&PFL=3:10,20-10,24");
  EXPECT_EQ(std::ranges::count(column, ','), 11);
  const std::string point = text("/?FIF=a.tif&PFL=3:10,20");
  EXPECT_EQ(std::ranges::count(point, ','), 2);
  EXPECT_THAT(text_of_row, HasSubstr(point.substr(0, point.size() - 3)));
  EXPECT_EQ(text("/?FIF=a.tif&PFL=3:690,20-5000,20"), text("/?FIF=a.tif&PFL=3:690,20-700,20")) << "cut at the edge";
}

TEST_F(ProfileTest, GoesAlongALineOfEverySlice) {
  const auto one = [&](const char* number) {
    const std::string text_of_one = text(std::string("/?FIF=s/seq_pyr_") + number + ".tif&PFL=1:10,20-12,20");
    const std::size_t from = text_of_one.find('[') + 1;
    return text_of_one.substr(from, text_of_one.find(']') - from);
  };
  const http::Response response = get("/?FIF=s/seq&PFL=1:10,20-12,20");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.headers.get("Content-Type"), "application/json");
  EXPECT_NE(response.headers.get("ETag"), "");
  const std::string all = body_of(response);
  EXPECT_EQ(all, "{\n\t\"profile\": [" + one("7_90") + "," + one("0010_090") + "," + one("12345_0090") + "]\n}");
  EXPECT_EQ(text("/?FIF=s/seq&SDS=10&PFL=1:10,20-12,20"), all) << "whatever slice is chosen";
  dir.write("hole/seq_pyr_7_90.tif", "no picture");
  dir.write("hole/seq_pyr_8_90.tif", "300x200 128");
  EXPECT_EQ(text("/?FIF=hole/seq&PFL=1:10,20-12,20"),
            "{\n\t\"profile\": [null,null,null,null,null,null," + one("7_90") + "]\n}");
  EXPECT_EQ(status("/?FIF=s/seq&PFL=1:300,0"), 400) << "outside";
  EXPECT_EQ(status("/?FIF=s/seq&PFL=9:0,0"), 404);
  EXPECT_EQ(status("/?FIF=s/seq&PFL=1:0,0-99999,0"), 413) << "too much";
}

TEST_F(ProfileTest, RefusesLinesThatAreNone) {
  for (const char* argument :
       {"3", "3:", "3:1", "3:1,2,3", "3:a,b", "3:1,2-", "3:1,2-3", "3:-1,2-3,2", "x:1,2", "-1:1,2", "3:1e3,2",
        "3:99999999999999999999,1", "3:1,2-nan,2", ":1,2", "3:700,0", "3:0,500-3,500"}) {
    EXPECT_EQ(status(std::string("/?FIF=a.tif&PFL=") + argument), 400) << argument;
  }
  EXPECT_EQ(status("/?FIF=a.tif&PFL=9:0,0-1,0"), 404);
  EXPECT_EQ(status("/?FIF=b.tif&PFL=0:0,0-1,0"), 404);
  EXPECT_EQ(text("/?PFL=0:0,0-1,0"), "Error/4:1 3 \r\n");
}

TEST_F(ProfileTest, LooksThroughASequence) {
  const http::Response response = get("/?FIF=s/seq&SPECTRA=1,0,100,50");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.headers.get("Content-Type"), "application/xml");
  const std::string xml = body_of(response);
  EXPECT_THAT(xml, testing::StartsWith("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<spectra>\n\t<point>\n"));
  for (const char* number : {"<wavelength>7<", "<wavelength>10<", "<wavelength>12345<"}) {
    EXPECT_THAT(xml, HasSubstr(number));
  }
  EXPECT_EQ(get("/?FIF=s/seq&SPECTRA=1,0,100,50", "If-None-Match", std::string(response.headers.get("ETag"))).status,
            304);
  EXPECT_THAT(text("/?FIF=a.tif&SPECTRA=3,0,0,0"), HasSubstr("<wavelength>0</wavelength>"));
  dir.write("hole/seq_pyr_7_90.tif", "no picture");
  dir.write("hole/seq_pyr_8_90.tif", "300x200 128");
  const std::string holed = text("/?FIF=hole/seq&SPECTRA=1,0,100,50");
  EXPECT_THAT(holed, HasSubstr("<wavelength>8<")) << "what cannot be read has no point";
  EXPECT_THAT(holed, testing::Not(HasSubstr("<wavelength>7<")));
}

TEST_F(ProfileTest, RefusesPointsThatAreNone) {
  for (const char* argument : {"1", "1,0,0", "1,0,0,0,0", "a,0,0,0", "1,0,-1,0", "1,0,0,nan", "-1,0,0,0", "1,0,128,0",
                               "1,0,0,9223372036854775807"}) {
    EXPECT_EQ(status(std::string("/?FIF=s/seq&SPECTRA=") + argument), 400) << argument;
  }
  EXPECT_EQ(status("/?FIF=s/seq&SPECTRA=9,0,0,0"), 404);
  EXPECT_EQ(status("/?FIF=s/seq&SPECTRA=1,99,0,0"), 404);
  EXPECT_EQ(text("/?SPECTRA=1,0,0,0"), "Error/4:1 3 \r\n");
}

TEST_F(ProfileTest, TellsTheStackOfASequence) {
  const http::Response response = get("/?FIF=s/seq&OBJ=stack");
  EXPECT_EQ(response.headers.get("Content-Type"), "application/json");
  EXPECT_EQ(body_of(response),
            "[{\"id\":7,\"name\":\"seq_pyr_7_90\",\"scale\":1},{\"id\":10,\"name\":\"seq_pyr_0010_090\",\"scale\":1},"
            "{\"id\":12345,\"name\":\"seq_pyr_12345_0090\",\"scale\":1}]\r\n");
  EXPECT_EQ(text("/?FIF=a.tif&OBJ=stack"), "Error/23:2 1 FIF=a.tif&OBJ=stack\r\n");
}

TEST_F(ProfileTest, SequencesNeedNoFirstFileAndAnyNumberOfDigits) {
  EXPECT_EQ(text("/?FIF=s/seq&OBJ=Horizontal-views"), "Horizontal-views:7 10 12345\r\n");
  EXPECT_EQ(status("/?FIF=s/seq&JTL=0,0"), 200);
  EXPECT_EQ(status("/?FIF=s/seq&SDS=12345&JTL=0,0"), 200);
  EXPECT_EQ(status("/?FIF=s/seq&SDS=12345,90&JTL=0,0"), 200);
  EXPECT_EQ(status("/?FIF=s/seq&SDS=11&JTL=0,0"), 404) << "a gap is no other slice";
  EXPECT_EQ(status("/?FIF=s/seq&SDS=10,45&JTL=0,0"), 404);
  EXPECT_NE(get("/?FIF=s/seq&SDS=7&JTL=0,0").headers.get("ETag"),
            get("/?FIF=s/seq&SDS=10&JTL=0,0").headers.get("ETag"));
}

}  // namespace
}  // namespace microtome::protocol
