// SPDX-License-Identifier: Apache-2.0
#include "host/preflight.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include "host/directives.hpp"

namespace microtome::host {
namespace {

bool is_program(const std::string& path) {
  struct stat state{};
  return stat(path.c_str(), &state) == 0 && S_ISREG(state.st_mode) && access(path.c_str(), X_OK) == 0;
}

void check_app(const Entry& backend, Diagnostics& diagnostics) {
  const List& keys = backend.value.list();
  const Value* command = find_key(keys, "bin-path");
  if (command != nullptr && command->is_text()) {
    const std::string program = command->text().substr(0, command->text().find_first_of(" \t"));
    if (!is_program(program)) {
      diagnostics.error(command->place, "\"" + program + "\" is no file that can be executed");
    }
  }
  const Value* socket = find_key(keys, "socket");
  if (command != nullptr && socket != nullptr && socket->is_text()) {
    const std::size_t slash = socket->text().rfind('/');
    const std::string directory = slash == std::string::npos ? "." : socket->text().substr(0, slash + 1);
    if (access(directory.c_str(), W_OK) != 0) {
      diagnostics.error(socket->place, "no socket can be made in \"" + directory + "\"");
    }
  }
}

}  // namespace

Loaded load_config(const std::string& path, const ConfigWorld& world, Diagnostics& diagnostics) {
  Loaded loaded;
  ConfigTree tree = parse_config(path, world, diagnostics);
  loaded.files = tree.files;
  if (diagnostics.errors() > 0) {
    return loaded;
  }
  check_directives(tree, diagnostics);
  if (diagnostics.errors() > 0) {
    return loaded;
  }
  const auto port = world.environment ? world.environment("PORT") : std::nullopt;
  loaded.server = read_server_settings(tree, port.value_or(""), geteuid() == 0, diagnostics);
  auto site = std::make_shared<Site>(std::move(tree), diagnostics);
  if (diagnostics.errors() == 0) {
    loaded.site = std::move(site);
  }
  return loaded;
}

void check_world(const Site& site, Diagnostics& diagnostics) {
  const Setting* root = site.tree().global("server.document-root");
  if (root == nullptr) {
    diagnostics.error({}, "server.document-root is not set");
  } else {
    struct stat state{};
    if (stat(root->value.text().c_str(), &state) != 0 || !S_ISDIR(state.st_mode)) {
      diagnostics.warning(root->value.place, "the document root \"" + root->value.text() + "\" is no directory");
    }
  }
  for (const Block& block : site.tree().blocks) {
    const Setting* apps = block.find("fastcgi.server");
    if (apps == nullptr) {
      continue;
    }
    for (const Entry& route : apps->value.list()) {
      for (const Entry& backend : route.value.list()) {
        check_app(backend, diagnostics);
      }
    }
  }
}

}  // namespace microtome::host
