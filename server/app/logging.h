// The program's log: asynchronous, on standard error, one line per event, text or JSON.
//
// Lines are written by a thread of their own; when they come faster than standard error takes them
// the oldest waiting ones are dropped, so logging never holds up a call. gRPC's own messages are
// routed here. Nothing is logged per request, and never a secret.
//
// Thread rule: StartLogging and StopLogging belong to main; logging is free to every thread.
#pragma once

#include <string>

#include "server/app/options.h"

namespace bursar {

// Starts the log. `level` is one of Options::log_level.
void StartLogging(const std::string& level, LogFormat format);

// Writes what waits and ends the log's thread. Later lines are lost.
void StopLogging();

// Writes a line of level "critical" at once, past those that wait: for a process that ends here.
// From any thread.
void LogLastWords(const std::string& message);

// A line of the JSON format without its line end; for tests.
std::string FormatJsonLogLine(const std::string& time, const std::string& level,
                              const std::string& message);

}  // namespace bursar
