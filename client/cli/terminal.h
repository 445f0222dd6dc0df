// The terminal as a full screen: keys as they are pressed, lines drawn over the last ones, and
// everything as it was before at the end.
//
// Plain ANSI sequences, which every terminal of today and every connection understands; no library.
//
// Promises: the destructor gives the terminal back as it was found. While a Terminal lives, SIGINT,
// SIGTERM and SIGHUP end Wait instead of the program, so that the destructor runs.
//
// Thread rule: one thread; Wake from any. One at a time in a program.
#pragma once

#include <signal.h>
#include <termios.h>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/cli/top_view.h"

namespace bursar::cli {

// What the user did, or what ended the wait.
enum class TerminalEvent { kNone, kQuit, kSort, kUp, kDown, kEnter, kEscape, kResized, kWoken };

// See the head of the file.
class Terminal {
 public:
  // FAILED_PRECONDITION where the standard input or output is no terminal.
  static absl::StatusOr<std::unique_ptr<Terminal>> Open();
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  // Width and height in characters; 80 by 24 where the terminal does not say.
  void Size(size_t* width, size_t* height) const;
  // Draws lines from the top; a window's height of them fills it.
  void Draw(const std::vector<TopLine>& lines);
  // The next event within the time, else kNone.
  TerminalEvent Wait(absl::Duration time);
  // Ends a Wait with kWoken.
  void Wake();

 private:
  Terminal() = default;
  absl::Status Begin();
  // Reads what was typed; kQuit where the terminal is gone.
  TerminalEvent ReadKeys();
  // Takes one key off what was typed.
  TerminalEvent NextKey();

  int pipe_[2] = {-1, -1};  // What signals and Wake write and Wait reads.
  bool begun_ = false;
  std::string typed_;
  termios before_{};
  struct sigaction actions_before_[4] = {};
};

// A pipe that ends a wait for JSON lines on the same signals, without a terminal's screen.
// (See Terminal; the same rule of one at a time.)
class SignalWait {
 public:
  SignalWait();
  ~SignalWait();
  SignalWait(const SignalWait&) = delete;
  SignalWait& operator=(const SignalWait&) = delete;

  // Whether a signal asked to end, within the time or before.
  bool Ended(absl::Duration time);
  // Ends a wait without an end.
  void Wake();

 private:
  int pipe_[2] = {-1, -1};
  struct sigaction actions_before_[4] = {};
};

}  // namespace bursar::cli
