// Objects in the table are real ones: the test has an interpreter in it.
#include <gtest/gtest.h>

#include <hubcell/error.h>

#include "shared/python/python.h"
#include "tests/support/error_of.h"
#include "worker/objects/object_table.h"

namespace hubcell::worker {
namespace {

using python::PyRef;

class ObjectTableTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { Py_InitializeEx(0); }
};

TEST_F(ObjectTableTest, AFullTableRefusesTheNextObjectAndKeepsTheOthers) {
  ObjectTable table(2);
  const PyRef object = PyRef::steal(PyList_New(0));
  const std::uint64_t first = table.add(object.get());
  table.add(object.get());
  const Error full = tests::error_of([&] { table.add(object.get()); });
  EXPECT_EQ(full.code(), ErrorCode::Usage);
  EXPECT_STREQ(full.what(), "this program holds 2 objects of the worker already; drop some");
  EXPECT_EQ(table.find(first).get(), object.get());
  table.release(first);
  EXPECT_GT(table.add(object.get()), first) << "ids are never used again";
}

TEST_F(ObjectTableTest, WhatAnAnswerAddedCanBeTakenBack) {
  ObjectTable table(8);
  const PyRef object = PyRef::steal(PyList_New(0));
  const std::uint64_t kept = table.add(object.get());
  const std::uint64_t first_of_answer = table.next_id();
  table.add(object.get());
  table.add(object.get());
  table.release_from(first_of_answer);
  EXPECT_EQ(table.size(), 1U);
  EXPECT_EQ(table.find(kept).get(), object.get());
  EXPECT_EQ(tests::error_of([&] { table.find(first_of_answer); }).code(), ErrorCode::StaleHandle);
}

TEST_F(ObjectTableTest, AReleasedObjectIsNotHeldAnyMore) {
  ObjectTable table;
  const PyRef object = PyRef::steal(PyList_New(0));
  const Py_ssize_t before = Py_REFCNT(object.get());
  const std::uint64_t handle = table.add(object.get());
  EXPECT_EQ(Py_REFCNT(object.get()), before + 1);
  table.release(handle);
  table.release(handle);
  EXPECT_EQ(Py_REFCNT(object.get()), before);
}

}  // namespace
}  // namespace hubcell::worker
