CREATE TABLE mqtt_user (
  id serial PRIMARY KEY,
  username varchar(100) NOT NULL UNIQUE,
  password varchar(255),
  salt varchar(255),
  is_superuser boolean NOT NULL DEFAULT false,
  created timestamp
);

CREATE TABLE mqtt_acl (
  id serial PRIMARY KEY,
  allow integer DEFAULT 1,   -- 0: deny, 1: allow
  ipaddr varchar(60),
  username varchar(100),
  clientid varchar(100),
  access integer NOT NULL,   -- 1: subscribe, 2: publish, 3: both
  topic varchar(100) NOT NULL DEFAULT ''
);

CREATE INDEX mqtt_acl_ipaddr ON mqtt_acl (ipaddr);
CREATE INDEX mqtt_acl_username ON mqtt_acl (username);
CREATE INDEX mqtt_acl_clientid ON mqtt_acl (clientid);
