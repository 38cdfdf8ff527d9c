// SPDX-License-Identifier: Apache-2.0
// Site: one thing that is kept up: a folder of pictures or a configuration of the host; with the folder in which
// everything about it is written: ~/.microtome/NAME-HASH. Not thread-safe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace microtome::keep {

struct Site {
  std::string id;      // "eyes-1a2b3c4d": name and hash of the source
  std::string dir;     // what we write is in here
  std::string source;  // what was named: a folder or a configuration, absolute
  bool folder = false;
  // As recorded at the last `up`:
  std::string listen;      // the address, as the configuration says it (folders only)
  std::string keeper;      // "systemd", "supervisord", "cron", "none" or empty
  std::string config_sum;  // hash of the configuration we wrote: another one was edited by the user

  [[nodiscard]] std::string config() const { return folder ? dir + "/lighttpd.conf" : source; }
  [[nodiscard]] std::string lock() const { return dir + "/lock"; }    // held by the running host
  [[nodiscard]] std::string admin() const { return dir + "/admin"; }  // held while something is changed
  [[nodiscard]] std::string guard() const {
    return dir + "/guard";
  }  // held by the process that starts the host again
  [[nodiscard]] std::string ready() const { return dir + "/ready"; }  // written by the host when it serves
  [[nodiscard]] std::string log() const { return dir + "/log"; }
  [[nodiscard]] std::string down() const { return dir + "/down"; }  // is there: nobody but `up` may start it
  [[nodiscard]] std::string control() const { return dir + "/control"; }
  [[nodiscard]] std::string history() const { return dir + "/history"; }
  // What to call it on a command line.
  [[nodiscard]] std::string word() const;
};

// Where sites are written, best first: $MICROTOME_HOME alone where set; else ~/.microtome, then what is left when the
// home cannot be written: $XDG_RUNTIME_DIR/microtome, /tmp/microtome-UID.
[[nodiscard]] std::vector<std::string> bases();

// The site of a folder or a configuration; the one that exists already in one of the bases, else a new one in the
// first base that can be written. Code::not_found, Code::io with a sentence.
[[nodiscard]] Result<Site> find_site(const std::string& source);
// All that were ever brought up and not purged.
[[nodiscard]] std::vector<Site> all_sites();

// Makes its folder, for us alone. Refuses one that others own or may write.
Result<void> make_folder(const Site& site);
Result<void> save(const Site& site);
// Removes the folder, and the base when nothing is left in it.
void remove_folder(const Site& site);

// What the host said when it was ready, and what is known of its past.
struct Running {
  int pid = 0;
  std::vector<std::string> addresses;
  std::string log;  // the host's own log file, where the configuration names one
};
[[nodiscard]] Running read_running(const Site& site);
// Before a start. The file keeps its size, so that the host can write it on a full disk, too.
void clear_running(const Site& site);

struct History {
  long long starts = 0;
  long long failures = 0;           // in a row
  std::vector<std::string> errors;  // the last few, oldest first, with time
};
[[nodiscard]] History read_history(const Site& site);
// A failure that says the same as the last one is counted, not repeated.
void record_start(const Site& site);
void record_ready(const Site& site);
void record_failure(const Site& site, const std::string& what);

}  // namespace microtome::keep
