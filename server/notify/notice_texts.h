// The texts of mails, as the files in texts/ have them, compiled in.
//
// Thread rule: pure functions.
#pragma once

#include <string_view>

namespace bursar {

// The file of that name, such as "layout.html" or "generic.txt"; empty where there is none.
std::string_view NoticeText(std::string_view file_name);

}  // namespace bursar
