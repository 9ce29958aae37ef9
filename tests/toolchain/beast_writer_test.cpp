#include <gtest/gtest.h>

// Beast's test stream forgets to include this one.
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/beast/_experimental/test/stream.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/write.hpp>
#include <string>

// Why empty pieces of a body are skipped: Beast 1.81 writes an empty chunk for one, which ends the message early.
namespace {

namespace http = boost::beast::http;

TEST(BeastWriter, WritesAnEmptyPieceAsTheLastChunk) {
  boost::asio::io_context io;
  boost::beast::test::stream ours(io), theirs(io);
  ours.connect(theirs);
  http::response<http::buffer_body> response(http::status::ok, 11);
  response.chunked(true);
  response.body().data = nullptr;
  response.body().more = true;
  http::response_serializer<http::buffer_body> serializer(response);
  boost::system::error_code error;
  http::write_header(ours, serializer, error);
  ASSERT_FALSE(error) << error.message();
  auto const head = theirs.str().size();

  char piece = 'x';
  response.body().data = &piece;
  response.body().size = 0;
  response.body().more = true;
  http::write(ours, serializer, error);
  EXPECT_EQ(std::string(theirs.str().substr(head)), "0\r\n\r\n") << "although more was to come";
}

}  // namespace
