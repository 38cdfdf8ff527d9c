#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: viewer/build.sh OUT      makes OUT/viewer.html, .gz, .br, viewer.csp and assets_data.cpp
# One page with script and style inlined, so that it works below any mount. The same sources give the same bytes.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=${1:?usage: viewer/build.sh OUT}
limit=40000 # bytes, gzipped
mkdir -p "$out"
export LC_ALL=C

esbuild "$here/src/main.ts" --bundle --minify --charset=utf8 --format=iife --target=es2021 --legal-comments=none \
  --log-level=warning --outfile="$out/viewer.js"
esbuild "$here/src/style.css" --minify --charset=utf8 --target=chrome90,firefox90,safari15 --legal-comments=none \
  --log-level=warning --outfile="$out/viewer.css"

# Puts the files in the place of the marks; blank lines and indentation of the page carry no meaning.
perl -e '
  use strict; use warnings;
  local $/;
  my ($page, $js, $css) = map { open my $f, "<:raw", $_ or die "$_: $!"; <$f> } @ARGV;
  s/\s+\z// for $js, $css;
  die "script would end early\n" if $js =~ m{</script}i;
  $page =~ s/^\s+//mg;
  $page =~ s{/\*STYLE\*/}{$css};
  $page =~ s{/\*SCRIPT\*/}{$js};
  binmode STDOUT;
  print $page;
' "$here/src/page.html" "$out/viewer.js" "$out/viewer.css" > "$out/viewer.html"
gzip -9 -n -c "$out/viewer.html" > "$out/viewer.html.gz"
brotli -f -q 11 -o "$out/viewer.html.br" "$out/viewer.html"

# The browser runs exactly this script and this style, whatever else gets into the page.
sha() { perl -MDigest::SHA=sha256_base64 -e '
  local $/; open my $f, "<:raw", $ARGV[0] or die; my $text = <$f>; $text =~ s/\s+\z//;
  my $sum = sha256_base64($text); $sum .= "=" while length($sum) % 4; print "sha256-$sum"' "$1"; }
printf "default-src 'none'; script-src '%s'; style-src '%s'; img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'" \
  "$(sha "$out/viewer.js")" "$(sha "$out/viewer.css")" > "$out/viewer.csp"

etag=$(sha256sum "$out/viewer.html" | cut -c1-16)
bytes() { printf 'const std::uint8_t %s[] = {\n' "$1"; od -An -v -tu1 -w32 "$2" | sed -E 's/ +/,/g; s/^,//; s/$/,/'; printf '};\n'; }
{
  cat << HEAD
// SPDX-License-Identifier: Apache-2.0
// Made by viewer/build.sh.
#include "viewer/assets.hpp"

namespace microtome::viewer {
namespace {
HEAD
  bytes kPlain "$out/viewer.html"
  bytes kGzip "$out/viewer.html.gz"
  bytes kBrotli "$out/viewer.html.br"
  cat << TAIL
}  // namespace

const Page& page() {
  static const Page page{
      "text/html; charset=utf-8", kPlain, kGzip, kBrotli, "\"$etag\"",
      "$(cat "$out/viewer.csp")"};
  return page;
}

}  // namespace microtome::viewer
TAIL
} > "$out/assets_data.cpp.part"
mv "$out/assets_data.cpp.part" "$out/assets_data.cpp"

size=$(wc -c < "$out/viewer.html.gz")
if [ "$size" -gt "$limit" ]; then
  echo "viewer: $size bytes gzipped, more than $limit" >&2
  exit 1
fi
echo "viewer: $(wc -c < "$out/viewer.html") bytes, gzip $size, brotli $(wc -c < "$out/viewer.html.br")"
