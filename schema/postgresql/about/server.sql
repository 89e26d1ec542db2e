-- What `feedloom migrate` says of the database.
SELECT feedloom_about();
