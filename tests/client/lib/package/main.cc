// A backend that is built against the installed package alone. No server runs at the address, so
// that the check ends in UNAVAILABLE; anything else fails.
#include <bursar/client.h>
#include <bursar/money.h>
#include <bursar/request_id.h>

int main() {
  bursar::ConnectionOptions options;
  options.server = "unix:/nonexistent/bursar.sock";
  options.max_attempts = 1;
  const auto client = bursar::Client::Connect(options);
  if (!client.ok()) return 1;
  bursar::v1::CheckAdmissionRequest request;
  request.set_organization_id("acme");
  request.set_member_id("ann");
  request.set_request_id(bursar::MakeRequestId());
  *request.mutable_estimate()->mutable_cost() = *bursar::ParseMoney("0.10");
  const auto reply = (*client)->CheckAdmission(request);
  return absl::IsUnavailable(reply.status()) ? 0 : 2;
}
